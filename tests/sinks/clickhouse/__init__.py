"""Events into ClickHouse, each exactly once."""
