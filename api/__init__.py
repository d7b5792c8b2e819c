"""People and programs ask."""
