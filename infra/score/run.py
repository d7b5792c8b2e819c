"""A scenario through the simulator and all stages, in this process and some more; no Kafka."""

import heapq
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from infra.score.baselines import Baselines
from infra.score.share import PARTITIONS, Placed, Source, sources
from infra.score.timing import Stopwatch
from processors.chain import Chain, Record
from processors.fleet.stage import FleetStage
from processors.labels.seen import Seen, Watch
from producers.simulator.scenario.model import Scenario

Report = Callable[[float, int], None]
_REPORT_EVERY = 500


@dataclass(frozen=True, slots=True)
class Run:
    """What came of a run. ``took_s`` of the clock."""

    seen: Sequence[Seen]
    stopwatch: Stopwatch
    facts: int
    refused: Sequence[str]
    took_s: float


def run(
    scenario: Scenario, *, seed: int | None = None, jobs: int = 1, report: Report = lambda _s, _n: None
) -> Run:
    """Run a scenario. What is seen does not depend on ``jobs``, the processes that share its nodes."""
    began_s = time.perf_counter()
    watch, baselines, stopwatch = Watch(scenario.starts_at), Baselines(), Stopwatch()
    chain = Chain([FleetStage()], PARTITIONS)
    with sources(scenario, seed, jobs) as shares:
        for count, record in enumerate(_merged(shares), 1):
            for one in (*baselines.due(record.arrived_at), record):
                watch.take(one)
                baselines.take(one)
                for output in chain.feed(one):
                    watch.take(output)
            if count % _REPORT_EVERY == 0:
                report((record.arrived_at - scenario.starts_at) / 1e6, count)
    refused = [line for share in shares for line in share.end.refused]
    refused += [f"{one.stage} refused a {type(one.record.event).__name__}" for one in chain.refused]
    for share in shares:
        stopwatch.add(share.end.stopwatch)
    facts = sum(share.end.facts for share in shares)
    return Run(watch.seen(), stopwatch, facts, refused, time.perf_counter() - began_s)


def _merged(shares: Sequence[Source]) -> Iterator[Record]:
    """Merge by arrival, then by the partition of the cause: one order, however partitions are divided."""
    merged = heapq.merge(*shares, key=_arrival)
    for _, together in groupby(merged, key=_arrival):
        for placed in sorted(together, key=_partition):
            yield placed.record


def _arrival(placed: Placed) -> int:
    return placed.record.arrived_at


def _partition(placed: Placed) -> int:
    return placed.partition
