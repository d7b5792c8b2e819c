"""A log of facts alone as a source of what follows from them: the stages are run each time it is read.

What they write has no offsets of its own; it is numbered as a log would.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, Final

from processors.chain import Chain, Record
from processors.replay.facts import BY_NAME, Intake
from processors.replay.source import FOREVER, Gap, Source, Span
from processors.stage import Stage
from schemas.codec import Codec
from schemas.log_file import LogRecord
from schemas.topics import ALERTS, OBSERVATIONS, PANES, REQUESTS, SUMMARIES, TELEMETRY, Topic

DERIVED: Final = (PANES, OBSERVATIONS, SUMMARIES, ALERTS)
# The last stage that is needed for what a topic holds; those before it are in the order of the topology.
_WRITTEN_BY: Final = {
    PANES.name: "request-stage",
    OBSERVATIONS.name: "pattern-stage",
    SUMMARIES.name: "pattern-stage",
    ALERTS.name: "fleet-stage",
}


def is_of_facts(source: Source) -> bool:
    """Tell whether a source has facts and nothing that was judged of them."""
    held = source.holds([TELEMETRY, *DERIVED])
    return TELEMETRY.name in held and PANES.name not in held


class Folded:
    """What the stages make of the facts of a source. ``build`` makes them anew for each reading."""

    def __init__(self, facts: Source, build: Callable[[], Sequence[Stage[Any]]]) -> None:
        self._facts = facts
        self._build = build

    @property
    def name(self) -> str:
        """Name of what the facts come from."""
        return self._facts.name

    def codec(self) -> Codec:
        """Return the codec of the facts."""
        return self._facts.codec()

    def holds(self, topics: Sequence[Topic]) -> Mapping[str, Span]:
        """Return what there is of facts, and that of the rest there is as much."""
        held = self._facts.holds([TELEMETRY, REQUESTS])
        found = {topic.name: held[topic.name] for topic in topics if topic.name in held}
        facts = held.get(TELEMETRY.name)
        if facts is not None:
            span = Span(facts.first_at, facts.last_at, partitions=facts.partitions)
            found |= {topic.name: span for topic in topics if topic in DERIVED}
        return found

    def read(
        self,
        topics: Sequence[Topic],
        since: int,
        until: int,
        keys: Collection[str] = (),
        partitions: Collection[int] = (),
    ) -> Iterator[LogRecord]:
        """Yield facts as they are, and what follows from them; see ``Source.read``."""
        if not set(topics) & set(DERIVED):
            yield from self._facts.read(topics, since, until, keys, partitions)
            return
        wanted = {topic.name for topic in topics}
        codec, numbers = self.codec(), Counter[tuple[str, int]]()
        for record in self._said(until, wanted):
            place = record.topic.name, record.partition
            number = numbers[place]
            numbers[place] += 1
            if record.topic.name not in wanted or record.arrived_at < since:
                continue
            of_node = record.topic.key == "node_id"
            if of_node and keys and record.key is not None and record.key not in keys:
                continue
            if of_node and partitions and record.partition not in partitions:
                continue
            value = codec.encode(record.event)
            yield LogRecord(*place, number, record.arrived_at, record.key, value)

    def gaps(self) -> Sequence[Gap]:
        """Return what was missing of the facts."""
        return self._facts.gaps()

    def _said(self, until: int, wanted: Collection[str]) -> Iterator[Record]:
        held = self._facts.holds([TELEMETRY, REQUESTS])
        partitions = max((span.partitions for span in held.values()), default=1)
        chain = Chain(self._needed(wanted), partitions)
        intake = Intake(self.codec(), {})
        for record in self._facts.read([TELEMETRY, REQUESTS], 0, min(until, FOREVER)):
            event = intake.read(record)
            if event is not None:
                topic = BY_NAME[record.topic]
                yield from chain.feed(Record(topic, record.partition, record.key, event, record.arrived_at))

    def _needed(self, wanted: Collection[str]) -> Sequence[Stage[Any]]:
        """Return the stages up to the last that writes what is wanted: judging is most of the work."""
        stages = self._build()
        names = [stage.name for stage in stages]
        last = max(names.index(_WRITTEN_BY[topic]) for topic in wanted if topic in _WRITTEN_BY)
        return stages[: last + 1]
