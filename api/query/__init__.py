"""What people and programs ask about nodes."""
