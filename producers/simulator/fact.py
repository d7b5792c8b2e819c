"""What a simulation yields: an event, and where and when the log takes it."""

from typing import NamedTuple

from schemas.codec import Event
from schemas.topics import Topic


class Fact(NamedTuple):
    """An event on its way into a topic. ``arrived_at``: when the log has it, µs since the epoch.

    ``key`` None: a clock_tick, of which every partition of the topic gets one.
    """

    topic: Topic
    key: str | None
    event: Event
    arrived_at: int
