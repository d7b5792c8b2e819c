"""A log as live stages leave it behind: facts, and what was said of them, later, in an order of its own."""

import heapq
import random
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from infra.score.schema_ids import schema_ids
from processors.chain import Record
from processors.replay.merge import merged
from processors.replay.source import Gap, Span
from processors.replay.sources.log_file import Kept
from processors.stage import Arrived, Output, Stage, advance
from producers.simulator.engine import simulate
from producers.simulator.scenario.read import read_text
from schemas.codec import Codec
from schemas.events.observation import ObservationOpened
from schemas.events.operator_action import OperatorAction
from schemas.log_file import LogRecord
from schemas.partition import partition_of
from schemas.topics import NODES, PANES, Topic

MS = 1000
SECOND = 1_000_000
PARTITIONS = 2
STARTS_AT = "2026-01-12T12:00:00Z"
SCENARIO = """
about: A program makes one of three nodes swap, and another has a hung engine.
seed: 5
starts_at: 2026-01-12T12:00:00Z
duration: {duration}
nodes:
  - name: node-[1-3]
    chip: rtx-4090
    gpus: 1
    cpu: ryzen-7950x
    memory: 64GB
    swap: 64GB
    runtimes:
      - kind: llamacpp
        port: 8080
        slots: 4
        models: [{name: llama-3.1-8b, quantization: q4_k_m, context: 8192}]
arrivals:
  - name: chat
    model: llama-3.1-8b
    process: {poisson: 0.5/s}
    prompt_tokens: {constant: 300}
    output_tokens: {constant: 80}
faults:
  - {kind: swap_storm, node: node-1, at: 1m, for: 6m, memory: 80GB, touches: 60MB/s}
"""


class ListSource:
    """Records in memory, as a source."""

    def __init__(self, codec: Codec, records: Iterable[LogRecord], name: str = "a list") -> None:
        self.name = name
        self._codec = codec
        self._partitions: dict[tuple[str, int], list[LogRecord]] = defaultdict(list)
        for record in records:
            self._partitions[record.topic, record.partition].append(record)

    def codec(self) -> Codec:
        return self._codec

    def holds(self, topics: Sequence[Topic]) -> Mapping[str, Span]:
        found = {}
        for topic in topics:
            times = [
                one.arrived_at
                for place, of in self._partitions.items()
                if place[0] == topic.name
                for one in of
            ]
            if times:
                found[topic.name] = Span(min(times), max(times), len(times), PARTITIONS)
        return found

    def read(
        self,
        topics: Sequence[Topic],
        since: int,
        until: int,
        keys: Collection[str] = (),
        partitions: Collection[int] = (),
    ) -> Iterator[LogRecord]:
        kept = Kept(topics, keys, partitions)
        for record in merged(list(self._partitions.values())):
            if since <= record.arrived_at < until and kept.wants(record):
                yield record

    def gaps(self) -> Sequence[Gap]:
        return ()


def facts(duration: str) -> Iterator[Record]:
    """What agents, a router and the clock send."""
    for fact in simulate(read_text(SCENARIO.replace("{duration}", duration), "recorded.yaml")):
        if fact.topic is NODES:
            continue
        at = fact.arrived_at // MS * MS
        chosen = range(PARTITIONS) if fact.key is None else (partition_of(fact.key, PARTITIONS),)
        for partition in chosen:
            yield Record(fact.topic, partition, fact.key, fact.event, at)


@dataclass
class Live:
    """Stages that are behind the facts by up to a second, each partition by itself; and an operator."""

    stages: Sequence[Stage[Any]]
    codec: Codec = field(default_factory=lambda: Codec(schema_ids()))
    log: list[LogRecord] = field(default_factory=list)
    states: dict[tuple[str, int], dict[str, Any]] = field(default_factory=lambda: defaultdict(dict))
    offsets: dict[tuple[str, int], int] = field(default_factory=lambda: defaultdict(int))
    _queue: list[tuple[int, int, Record]] = field(default_factory=list)
    _ready_at: dict[tuple[str, int], int] = field(default_factory=lambda: defaultdict(int))
    _chance: random.Random = field(default_factory=lambda: random.Random(7))
    _count: int = 0
    _acted: bool = False

    def run(self, given: Iterable[Record], until: int | None = None) -> "Live":
        """Take facts, and whatever follows from them."""
        for record in given:
            self._push(record)
        while self._queue and (until is None or self._queue[0][0] < until):
            at, _, record = heapq.heappop(self._queue)
            self._take(record._replace(arrived_at=at))
        return self

    def source(self) -> ListSource:
        """The log as a source."""
        return ListSource(self.codec, self.log)

    def _push(self, record: Record) -> None:
        self._count += 1
        heapq.heappush(self._queue, (record.arrived_at, self._count, record))

    def _take(self, record: Record) -> None:
        place = record.topic.name, record.partition
        offset = self.offsets[place]
        self.offsets[place] += 1
        value = self.codec.encode(record.event)
        self.log.append(LogRecord(*place, offset, record.arrived_at, record.key, value))
        self._operator(record)
        for stage in self.stages:
            if stage.source.name == record.topic.name:
                self._advance(stage, record)

    def _advance(self, stage: Stage[Any], record: Record) -> None:
        lane = stage.name, record.partition
        arrived = Arrived(record.event, record.arrived_at, record.partition)
        outputs = advance(self.states[lane], stage, arrived)
        at = max(self._ready_at[lane], record.arrived_at + self._chance.randint(5, 900) * MS)
        self._ready_at[lane] = at
        for output in outputs:
            if isinstance(output, Output):
                partition = self._partition(stage, record, output)
                self._push(Record(output.topic, partition, output.key, output.event, at))

    def _partition(self, stage: Stage[Any], record: Record, output: Output) -> int:
        if not output.topic.spread:
            return 0
        if output.key is None or output.topic.key == stage.source.key:
            return record.partition
        return partition_of(output.key, PARTITIONS)

    def _operator(self, record: Record) -> None:
        """Somebody acknowledges the first observation half a minute later."""
        event = record.event
        if isinstance(event, ObservationOpened) and not self._acted:
            self._acted = True
            at = record.arrived_at + 33 * SECOND
            action = OperatorAction(
                "action-1", at, "observation", event.observation_id, event.fleet, event.node_id,
                "acknowledge", "somebody", "", 0,
            )  # fmt: skip
            self._push(Record(PANES, partition_of(event.node_id, PARTITIONS), event.node_id, action, at))
