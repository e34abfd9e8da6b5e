"""belief, truth -> score. Runs without torch."""
