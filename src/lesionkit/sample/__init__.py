"""Case -> patches: draw, augment, split."""
