"""How ``penstock sql`` asks the API and shows what it says."""
