"""How files end that may be whole slides."""

SUFFIXES = (*(".tif", ".tiff", ".btf", ".svs", ".mrxs", ".ndpi", ".scn", ".bif", ".vms", ".vmu", ".svslide", ".dcm"),)
"""Small letters; OpenSlide and tifffile read them."""
