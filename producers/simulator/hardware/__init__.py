"""Ratings of real chips, processors and models: what the physics of a simulated node starts from."""
