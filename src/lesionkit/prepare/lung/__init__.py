"""The lungs of a chest CT, traced on a coarse copy."""
