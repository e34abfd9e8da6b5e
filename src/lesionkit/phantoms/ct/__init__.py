"""Synthetic chest CTs with known nodules."""
