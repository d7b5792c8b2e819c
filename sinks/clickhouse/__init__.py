"""Events into ClickHouse, each exactly once, without decoding them here."""
