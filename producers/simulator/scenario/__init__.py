"""Scenarios: a fleet, what is asked of it, what goes wrong, and what must be noticed."""
