"""The vocabulary: events, codec, registry client, topics, settings, errors."""
