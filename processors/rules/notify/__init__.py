"""What people are told of conditions: when, together with what, and by which channels."""
