"""Patterns: pure judgements of a window of panes. One file each."""
