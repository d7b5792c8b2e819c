"""What ``penstock up`` starts itself: the broker, the store, the registry and their supervisor."""
