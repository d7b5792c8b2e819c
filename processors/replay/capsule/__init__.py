"""A capsule: an incident in one file, replayed anywhere without Kafka or ClickHouse. See docs/capsule.md."""
