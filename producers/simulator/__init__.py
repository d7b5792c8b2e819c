"""Simulated nodes that emit the same facts as real ones."""
