"""patches -> weights."""
