"""Case -> Case: spacing, intensity, lungs, chest, and the store that keeps what was prepared."""
