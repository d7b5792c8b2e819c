"""Checks of the machine and of what Penstock needs on it; each says what was found and what to do."""
