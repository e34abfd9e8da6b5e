"""Images and truth with a known answer, drawn from a seed."""
