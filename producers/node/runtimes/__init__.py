"""One serving runtime per file."""
