"""A scenario through the engine and all stages, in this process and some more; no Kafka."""

import heapq
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from infra.score.baselines import Baselines
from infra.score.front import PARTITIONS, parallel
from infra.score.seen import Seen, Watch
from infra.score.timing import Stopwatch
from processors.chain import Chain, Record
from processors.fleet.stage import FleetStage
from processors.patterns.catalog import PATTERNS
from processors.patterns.stage import PatternStage
from processors.requests.stage import RequestStage
from producers.simulator.scenario.model import Scenario

Report = Callable[[float, int], None]
_REPORT_EVERY = 2000


@dataclass(frozen=True, slots=True)
class Run:
    """What came of a run. ``records`` went into the stages after the node stage; ``took_s`` of the clock."""

    seen: Sequence[Seen]
    stopwatch: Stopwatch
    records: int
    refused: Sequence[str]
    took_s: float


def run(
    scenario: Scenario, *, seed: int | None = None, jobs: int = 1, report: Report = lambda _s, _n: None
) -> Run:
    """Run a scenario. The result does not depend on ``jobs``, the processes that simulate its nodes."""
    began_s = time.perf_counter()
    stopwatch, watch, baselines = Stopwatch(), Watch(scenario.starts_at), Baselines()
    stages = (RequestStage(), PatternStage(stopwatch.measured(PATTERNS)), FleetStage())
    chain = Chain(stages, PARTITIONS)
    count = 0
    with parallel(scenario, seed, jobs) as sources:
        for count, record in enumerate(_merged(sources), 1):
            for one in (*baselines.due(record.arrived_at), record):
                for output in chain.feed(one):
                    watch.take(output)
                    baselines.take(output)
            if count % _REPORT_EVERY == 0:
                report((record.arrived_at - scenario.starts_at) / 1e6, count)
    refused = [f"{one.stage} refused {one.record.event}: {one.why.detail}" for one in chain.refused]
    return Run(watch.seen(), stopwatch, count, refused, time.perf_counter() - began_s)


def _merged(sources: Sequence[Iterator[Record]]) -> Iterator[Record]:
    """Merge by arrival, then by partition and topic: one order, however the partitions are divided."""
    merged = heapq.merge(*sources, key=_arrival)
    for _, together in groupby(merged, key=_arrival):
        yield from sorted(together, key=_place)


def _arrival(record: Record) -> int:
    return record.arrived_at


def _place(record: Record) -> tuple[int, str]:
    return record.partition, record.topic.name
