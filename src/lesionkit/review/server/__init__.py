"""The page to work in, served to this machine alone."""
