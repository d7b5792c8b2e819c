"""What ``penstock capsule`` does around ``processors.replay.capsule``: sources, options, tables, words."""
