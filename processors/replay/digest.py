"""The canonical digest of what stages said: two machines compare it instead of the data.

Of each event, SHA-256 over its topic, key, name and Avro binary by the newest packaged schema. Ids of a
registry, offsets and the time at which a derived record arrived differ between a log and its replay, and are
not in it. Of each topic and key, the sum of these (modulo 2^256) and their count: every event has its time
and its id in it, so its place in the canonical order (topic, key, occurred_at, id) follows from what it is.
The sum says the same as a chain in that order would, without sorting, whoever was ahead and however the work
was shared. The total is a chain over topics and keys in their order.

It finds differences that happen; it is no proof against somebody who makes up events to deceive.
"""

import hashlib
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from schemas.codec import EVENT_TYPES, Event
from schemas.codec.serde import encode_body
from schemas.topics import Topic

NAMES: Mapping[type, str] = {view: name for name, view in EVENT_TYPES.items()}
_MODULUS = 1 << 256
# Parts of what is hashed are separated by a byte that no name has.
_SEPARATOR = b"\x00"


class Canonical(NamedTuple):
    """An event as the digest takes it. ``body``: Avro binary by the newest packaged schema."""

    topic: str
    key: str
    name: str
    body: bytes

    def sha256(self) -> bytes:
        """Return the hash of it all."""
        head = f"{self.topic}\x00{self.key}\x00{self.name}\x00".encode()
        return hashlib.sha256(head + self.body).digest()


def canonical(topic: Topic, key: str | None, event: Event) -> Canonical:
    """Return the canonical form; an event without a key, as a watermark, has the key ``""``."""
    return Canonical(topic.name, key or "", NAMES[type(event)], encode_body(event))


class Digest:
    """Takes events in any order."""

    def __init__(self) -> None:
        # Of each topic and key, the sum and the count.
        self._found: dict[tuple[str, str], tuple[int, int]] = {}

    def add(self, event: Canonical) -> None:
        """Take an event."""
        self.add_hash(event.topic, event.key, event.sha256())

    def add_hash(self, topic: str, key: str, sha256: bytes) -> None:
        """Take an event by its hash."""
        self._add((topic, key), int.from_bytes(sha256, "big"), 1)

    def merge(self, other: "Digest") -> None:
        """Take all that another one has taken, as of another process."""
        for place, (sum_, count) in other._found.items():
            self._add(place, sum_, count)

    def count(self) -> int:
        """Return how many events were taken."""
        return sum(count for _, count in self._found.values())

    def places(self) -> Iterator[tuple[str, str, int, str]]:
        """Yield topic, key, count and digest (hex) of each topic and key, in their order."""
        for (topic, key), (sum_, count) in sorted(self._found.items()):
            yield topic, key, count, sum_.to_bytes(32, "big").hex()

    def topics(self) -> Mapping[str, str]:
        """Return the digest of each topic: a chain over its keys."""
        chains: dict[str, bytes] = {}
        for topic, key, count, digest in self.places():
            link = _SEPARATOR.join((chains.get(topic, b""), key.encode(), b"%d" % count, digest.encode()))
            chains[topic] = hashlib.sha256(link).digest()
        return {topic: chain.hex() for topic, chain in chains.items()}

    def total(self) -> str:
        """Return the one digest of everything: 64 hexadecimal digits."""
        return total_of(self.topics())

    def _add(self, place: tuple[str, str], sum_: int, count: int) -> None:
        before, counted = self._found.get(place, (0, 0))
        self._found[place] = (before + sum_) % _MODULUS, counted + count


def total_of(topics: Mapping[str, str]) -> str:
    """Return the digest of everything from those of the topics: a chain over them in their order."""
    whole = hashlib.sha256()
    for topic, digest in sorted(topics.items()):
        whole.update(f"{topic}\x00{digest}\x00".encode())
    return whole.hexdigest()
