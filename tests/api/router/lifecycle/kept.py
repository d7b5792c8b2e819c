"""Facts as they arrived in Kafka, and what must hold of them."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from api.router.lifecycle.lives import RequestEvent
from schemas.codec import Event
from schemas.events.request_finished import RequestFinished
from schemas.events.request_received import RequestReceived
from schemas.settings import KafkaSettings, RegistrySettings
from schemas.topics import REQUESTS
from tests.producers.reading import read_until


class Facts:
    """The facts of a topic; one that arrived twice is one."""

    def __init__(self, events: Iterable[Event]) -> None:
        once = {repr(event): event for event in events}  # NaN differs from itself, its text does not
        self.all = [event for event in once.values() if isinstance(event, RequestEvent)]
        self.received = [event for event in self.all if isinstance(event, RequestReceived)]
        self.finished = [event for event in self.all if isinstance(event, RequestFinished)]

    def of(self, request_id: str) -> list[RequestEvent]:
        """Return those of one request, in order."""
        return [event for event in self.all if event.request_id == request_id]

    def names(self, request_id: str) -> list[str]:
        return [type(event).__name__.removeprefix("Request") for event in self.of(request_id)]

    def end(self, request_id: str) -> RequestFinished:
        (only,) = [event for event in self.finished if event.request_id == request_id]
        return only

    def outcomes(self) -> dict[str, int]:
        return dict(Counter(event.outcome for event in self.finished))

    @property
    def open(self) -> set[str]:
        return {event.request_id for event in self.received} - {event.request_id for event in self.finished}

    def check(self) -> None:
        """Every request that ended was received, once, and ended once; its facts are in order."""
        received, finished = (
            [event.request_id for event in found] for found in (self.received, self.finished)
        )
        assert max(Counter(received).values(), default=1) == 1
        assert max(Counter(finished).values(), default=1) == 1
        assert set(finished) <= set(received)
        by_request: dict[str, list[RequestEvent]] = {}
        for event in self.all:
            by_request.setdefault(event.request_id, []).append(event)
        for events in by_request.values():
            assert isinstance(events[0], RequestReceived), events
            assert not any(isinstance(event, RequestFinished) for event in events[:-1]), events
            times = [event.occurred_at for event in events]
            assert times == sorted(times), events
            end = events[-1]
            if isinstance(end, RequestFinished):
                assert end.received_at == events[0].occurred_at


def read_facts(
    kafka: KafkaSettings,
    registry: RegistrySettings,
    enough: Callable[[Facts], bool],
    deadline_s: float = 60.0,
) -> Facts:
    """Return the facts once there are enough, and check what holds of all."""

    def reached(events: Sequence[Event]) -> bool:
        return enough(Facts(events))

    facts = Facts(asyncio.run(read_until(kafka, registry, REQUESTS, reached, deadline_s)))
    facts.check()
    return facts
