"""Data sets in the layouts of other frameworks."""
