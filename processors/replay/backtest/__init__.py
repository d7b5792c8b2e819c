"""Rules tried on what was recorded: what they would have told, and how that differs from other rules."""
