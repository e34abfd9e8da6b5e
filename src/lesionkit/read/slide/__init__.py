"""Whole-slide files -> images."""
