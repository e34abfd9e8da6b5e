"""The nouns and the mathematics that stages share. Knows no file format and no torch."""
