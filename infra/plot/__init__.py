"""What pictures have in common: files, the axis of time, colours. matplotlib draws them, an extra."""
