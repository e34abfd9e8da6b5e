"""Findings -> files of other programs: one file per format, each says which forms of findings it can write."""
