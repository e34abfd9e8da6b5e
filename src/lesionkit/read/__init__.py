"""files -> Case."""
