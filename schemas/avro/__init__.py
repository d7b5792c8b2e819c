"""One schema per event and version; ``doc`` gives unit and source of each field."""
