"""Knowledge leaves: into ClickHouse, and to people."""
