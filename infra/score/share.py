"""A share of a run: the nodes of some partitions, simulated and judged each for itself.

Nodes know nothing of each other before the fleet stage, so several processes can do this side by side. What
they hand on, summaries and observations, is a hundredth of what they read.
"""

import multiprocessing
import signal
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import NamedTuple, Protocol

from infra.score.timing import Stopwatch
from processors.chain import Chain, Record
from processors.node.stage import NodeStage
from processors.patterns.catalog import PATTERNS
from processors.patterns.stage import PatternStage
from processors.requests.stage import RequestStage
from producers.simulator.engine import simulate
from producers.simulator.fact import Fact
from producers.simulator.scenario.model import Scenario
from schemas.partition import partition_of
from schemas.topics import OBSERVATIONS, REQUESTS, SUMMARIES

# As many as a stack has by default; a process takes whole ones.
PARTITIONS = 4
_BATCH = 200
_HANDED_ON = (SUMMARIES.name, OBSERVATIONS.name)


class Placed(NamedTuple):
    """A record that is handed on, and the partition of the fact that it follows from."""

    partition: int
    record: Record


@dataclass(slots=True)
class End:
    """What there is to say when a share is done: facts read, time taken, records refused."""

    facts: int = 0
    stopwatch: Stopwatch = field(default_factory=Stopwatch)
    refused: list[str] = field(default_factory=list)


class Source(Protocol):
    """Records of a share, in the order of arrival."""

    @property
    def end(self) -> End:
        """What there is to say when they have been read."""
        ...

    def __iter__(self) -> Iterator[Placed]: ...


class Share:
    """A share in this process."""

    def __init__(self, scenario: Scenario, seed: int | None, partitions: Sequence[int]) -> None:
        self._scenario = scenario
        self._seed = seed
        self._partitions = partitions
        self.end = End()
        stages = (NodeStage(), RequestStage(), PatternStage(self.end.stopwatch.measured(PATTERNS)))
        self._chain = Chain(stages, PARTITIONS)

    def __iter__(self) -> Iterator[Placed]:
        """Simulate, and yield what is handed on."""
        nodes = self._scenario.nodes
        names = [node.name for node in nodes if partition_of(node.name, PARTITIONS) in self._partitions]
        for fact in simulate(self._scenario, seed=self._seed, nodes=names):
            self.end.facts += 1
            for partition in self._places(fact):
                cause = Record(fact.topic, partition, fact.key, fact.event, fact.arrived_at)
                for record in self._chain.feed(cause):
                    if record.topic.name in _HANDED_ON:
                        yield Placed(partition, record)
        self.end.refused = [
            f"{one.stage} refused a {type(one.record.event).__name__}: {one.why.detail}"
            for one in self._chain.refused
        ]

    def _places(self, fact: Fact) -> Sequence[int]:
        """Ticks go to the partitions of this share's nodes; requests of its nodes may be in any."""
        if fact.key is not None:
            return (partition_of(fact.key, PARTITIONS),)
        return range(PARTITIONS) if fact.topic is REQUESTS else self._partitions


class Remote:
    """A share in another process, which waits while nobody reads what it has sent."""

    def __init__(self, source: Connection) -> None:
        self._source = source
        self.end = End()

    def __iter__(self) -> Iterator[Placed]:
        """Yield what the process sends.

        Raises:
            RuntimeError: it has died.
        """
        while True:
            try:
                got = self._source.recv()
            except EOFError:
                raise RuntimeError("a process of the run has died; its error is above") from None
            if isinstance(got, End):
                self.end = got
                return
            yield from got


def divided(scenario: Scenario, jobs: int) -> list[tuple[int, ...]]:
    """Return the partitions of each of at most ``jobs`` processes, so that all have about as much to do."""
    loads = [0] * PARTITIONS
    for node in scenario.nodes:
        loads[partition_of(node.name, PARTITIONS)] += 2 + node.gpus
    shares: list[list[int]] = [[] for _ in range(min(jobs, PARTITIONS))]
    for partition in sorted(range(PARTITIONS), key=lambda one: -loads[one]):
        lightest = min(shares, key=lambda share: sum(loads[one] for one in share))
        lightest.append(partition)
    return [tuple(sorted(share)) for share in shares if share]


@contextmanager
def sources(scenario: Scenario, seed: int | None, jobs: int) -> Iterator[list[Source]]:
    """Return the shares of a run; with more than one, each in a process of its own."""
    shares = divided(scenario, jobs)
    if len(shares) == 1:
        yield [Share(scenario, seed, shares[0])]
        return
    with ExitStack() as stack:
        yield [stack.enter_context(_remote(scenario, seed, share)) for share in shares]


@contextmanager
def _remote(scenario: Scenario, seed: int | None, share: Sequence[int]) -> Iterator[Source]:
    context = multiprocessing.get_context("spawn")  # the same on every system
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_serve, args=(theirs, scenario, seed, share), daemon=True)
    process.start()
    theirs.close()
    try:
        yield Remote(ours)
    finally:
        ours.close()
        process.terminate()
        process.join()


def _serve(out: Connection, scenario: Scenario, seed: int | None, partitions: Sequence[int]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that people see
    share = Share(scenario, seed, partitions)
    batch: list[Placed] = []
    with suppress(BrokenPipeError):  # nobody wants the rest
        for placed in share:
            batch.append(placed)
            if len(batch) >= _BATCH:
                out.send(batch)
                batch = []
        out.send(batch)
        out.send(share.end)
