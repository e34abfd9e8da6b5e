"""What readers decide on findings: kept row by row, shown on a page, compared, and turned into truth."""
