"""A record as it comes from Kafka."""

from typing import Protocol


class Record(Protocol):
    """What the sink needs of aiokafka's record. ``timestamp`` is the broker's, ms since the epoch."""

    @property
    def partition(self) -> int:
        """Partition it is in."""
        ...

    @property
    def offset(self) -> int:
        """Where it stands in its partition."""
        ...

    @property
    def timestamp(self) -> int:
        """When the broker took it."""
        ...

    @property
    def key(self) -> bytes | None:
        """Its key."""
        ...

    @property
    def value(self) -> bytes | None:
        """Its value; None deletes the key from a compacted topic."""
        ...
