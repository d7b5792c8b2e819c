"""Records as Kafka gives them."""

from typing import NamedTuple


class Fake(NamedTuple):
    """A record without a broker."""

    partition: int = 0
    offset: int = 0
    timestamp: int = 1_763_700_000_000
    key: bytes | None = b"node-1"
    value: bytes | None = b""
