"""Rules and channels: made, changed and tried here; what came of them is read from ClickHouse."""
