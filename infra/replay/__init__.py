"""What ``penstock replay`` needs around the replay itself: where from, where to, and the report."""
