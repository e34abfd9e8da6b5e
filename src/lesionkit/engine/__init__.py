"""Map cases over this process, many processes, or a Ray cluster."""
