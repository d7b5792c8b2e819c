"""The servers of models: asking them, and knowing what they have."""
