"""Alerts: judgements of a node by its fleet's standards, and of a fleet as a whole. One file each."""
