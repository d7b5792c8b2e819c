"""Finds the runtimes of this machine: one way to find them per file."""
