"""Stages in one process, without Kafka: what one writes to a topic goes to the stages that read it.

The same ``advance`` as live, for a replay, a backtest and the scores. Records go in in the order of their
arrival; what follows from one arrives with it, before the next, and is read at once. Live there is time in
between, and stages are made so that this does not matter.
"""

from collections import defaultdict, deque
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from processors.stage import Arrived, Output, Rejected, Stage, advance
from schemas.codec import Event
from schemas.partition import partition_of
from schemas.topics import Topic


class Record(NamedTuple):
    """An event in a partition of a topic. ``arrived_at``: the log's time, µs since the epoch.

    ``key`` None: an event of the whole partition, as a tick.
    """

    topic: Topic
    partition: int
    key: str | None
    event: Event
    arrived_at: int


class Refused(NamedTuple):
    """A record that a stage could not use, and why; live, a dead letter."""

    record: Record
    stage: str
    why: Rejected


class Chain:
    """Stages and their states. ``partitions``: of every topic that is spread over several.

    ``recorded``: topics that are fed whole, from a log that has what the stages once wrote there, as
    telemetry has the hints: what follows for them is returned and read by no stage.
    """

    def __init__(
        self, stages: Sequence[Stage[Any]], partitions: int = 1, recorded: Collection[Topic] = ()
    ) -> None:
        self.partitions = partitions
        self._recorded = frozenset(topic.name for topic in recorded)
        self.refused: list[Refused] = []
        self._readers: dict[str, list[Stage[Any]]] = defaultdict(list)
        for stage in stages:
            self._readers[stage.source.name].append(stage)
        self._states: dict[tuple[str, int], dict[str, Any]] = defaultdict(dict)

    def reads(self, topic: Topic) -> bool:
        """Return whether any stage reads a topic."""
        return topic.name in self._readers

    def feed(self, record: Record) -> list[Record]:
        """Return what follows from a record, directly and through later stages, in order.

        What a stage refuses is added to ``refused``.
        """
        outputs: list[Record] = []
        waiting = deque((record,))
        while waiting:
            cause = waiting.popleft()
            for stage in self._readers.get(cause.topic.name, ()):
                for output in self._advance(stage, cause):
                    outputs.append(output)
                    if output.topic.name in self._readers and output.topic.name not in self._recorded:
                        waiting.append(output)
            waiting.extendleft(reversed(self.behind(cause)))
        return outputs

    def behind(self, cause: Record) -> Sequence[Record]:
        """Return the records that are to be read right after one that has been; a replay knows of some."""
        del cause
        return ()

    def states(self, stage: Stage[Any], partition: int = 0) -> dict[str, Any]:
        """Return a stage's memory of a partition, by key."""
        return self._states[stage.name, partition]

    def _advance(self, stage: Stage[Any], cause: Record) -> list[Record]:
        arrived = Arrived(cause.event, cause.arrived_at, cause.partition)
        found: list[Record] = []
        for output in advance(self._states[stage.name, cause.partition], stage, arrived):
            if isinstance(output, Rejected):
                self.refused.append(Refused(cause, stage.name, output))
            else:
                place = self._place(stage, cause, output)
                found.append(Record(output.topic, place, output.key, output.event, cause.arrived_at))
        return found

    def _place(self, stage: Stage[Any], cause: Record, output: Output) -> int:
        """As a worker places its outputs: see ``Output``."""
        if not output.topic.spread:
            return 0
        if output.key is None or output.topic.key == stage.source.key:
            return cause.partition
        return partition_of(output.key, self.partitions)
