"""patch -> output. One architecture per file; heads encode and decode in one class."""
