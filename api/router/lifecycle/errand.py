"""What the process that tells facts is told at its start, and what it tells of itself."""

from pathlib import Path
from typing import NamedTuple

from schemas.settings import Settings


class Errand(NamedTuple):
    """What to do.

    Attributes:
        settings: of the router.
        router_id: its name in facts.
        folder: where journal and spool are.
        anchor: a moment of the monotonic clock, and its time, µs since the epoch.
        again: requests of which every moment will be told again, because the process before has ended.
    """

    settings: Settings
    router_id: str
    folder: Path
    anchor: tuple[float, int]
    again: frozenset[str] = frozenset()


class Standing(NamedTuple):
    """How far it is.

    Attributes:
        anchor_s: see ``Errand.anchor``.
        anchor_us: the same.
        open: requests without an end.
        delivered: facts that Kafka has.
        dropped: those that memory and disk had no room for.
        refused: those that can never be sent.
        memory: those that wait in memory.
        disk: those that wait on disk.
        spool_bytes: bytes of these.
        connected: whether Kafka answers.
        journal_bytes: of the journal.
        journal_works: whether it can be written.
    """

    anchor_s: float
    anchor_us: int
    open: int = 0
    delivered: int = 0
    dropped: int = 0
    refused: int = 0
    memory: int = 0
    disk: int = 0
    spool_bytes: int = 0
    connected: bool = False
    journal_bytes: int = 0
    journal_works: bool = False
