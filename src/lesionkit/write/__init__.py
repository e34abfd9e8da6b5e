"""Case, belief -> files: the siblings of read."""
