"""weights, Case -> belief."""
