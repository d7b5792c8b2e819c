"""How long the emitter waits for what."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Patience:
    """How long the emitter waits for what, seconds."""

    hold_s: float = 5.0  # in memory, before a fact goes to disk
    delivery_s: float = 5.0  # for Kafka's acknowledgement, before the connection counts as lost
    poll_s: float = 1.0  # between looks at what is overdue
    disk_s: float = 5.0  # after the disk refused, before it is asked again
    first_retry_s: float = 0.5  # of a connection; doubles up to
    last_retry_s: float = 10.0
    gather_s: float = 0.0  # before facts are sent, for others to go with them


USUAL = Patience()
