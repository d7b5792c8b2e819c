"""Panes: aligned ten seconds of event time, as statistics that merge into any longer window."""
