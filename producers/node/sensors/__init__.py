"""One family of sensors per file; what they share is in ``source``."""
