"""The first half of a run: some nodes simulated, and their telemetry through the node stage.

Nodes are simulated each for itself, so several processes can do it; what the later stages need is a hundredth
of what the node stage reads.
"""

import multiprocessing
import signal
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from multiprocessing.connection import Connection
from typing import Any

from processors.chain import Chain, Record
from processors.node.stage import NodeStage
from producers.simulator.engine import simulate
from producers.simulator.scenario.model import Scenario
from schemas.partition import partition_of
from schemas.topics import REQUESTS, TELEMETRY

# As many as a stack has by default; a process takes whole ones.
PARTITIONS = 4
_BATCH = 500


def shares(scenario: Scenario, jobs: int) -> list[tuple[int, ...]]:
    """Return the partitions of each of at most ``jobs`` processes, so that all have about as much to do."""
    loads = [0] * PARTITIONS
    for node in scenario.nodes:
        loads[partition_of(node.name, PARTITIONS)] += 2 + node.gpus
    found: list[list[int]] = [[] for _ in range(min(jobs, PARTITIONS))]
    for partition in sorted(range(PARTITIONS), key=lambda one: -loads[one]):
        lightest = min(found, key=lambda share: sum(loads[one] for one in share))
        lightest.append(partition)
    return [tuple(sorted(share)) for share in found if share]


def records(scenario: Scenario, seed: int | None, partitions: Sequence[int]) -> Iterator[Record]:
    """Yield what the stages after the node stage read, of the nodes of these partitions, as it arrives.

    Ticks of requests are of the process that has partition 0; requests go to their own partitions.
    """
    chain = Chain([NodeStage()], PARTITIONS)
    names = [node.name for node in scenario.nodes if partition_of(node.name, PARTITIONS) in partitions]
    for topic, key, event, arrived_at in simulate(scenario, seed=seed, nodes=names):
        if key is None:
            ticked = partitions if topic is TELEMETRY else range(PARTITIONS) if 0 in partitions else ()
            places: Sequence[int] = tuple(ticked)
        else:
            places = (partition_of(key, PARTITIONS),)
        for place in places:
            record = Record(topic, place, key, event, arrived_at)
            if topic is REQUESTS:
                yield record
            elif chain.reads(topic):
                yield from (one for one in chain.feed(record) if one.topic.name == "panes")
    if chain.refused:
        raise AssertionError(f"the node stage refused {chain.refused[0]}")


@contextmanager
def parallel(scenario: Scenario, seed: int | None, jobs: int) -> Iterator[list[Iterator[Record]]]:
    """Return the records of each share, made in processes of their own; with one job, in this one."""
    divided = shares(scenario, jobs)
    if len(divided) == 1:
        yield [records(scenario, seed, divided[0])]
        return
    with ExitStack() as stack:
        yield [stack.enter_context(_elsewhere(scenario, seed, share)) for share in divided]


@contextmanager
def _elsewhere(scenario: Scenario, seed: int | None, share: Sequence[int]) -> Iterator[Iterator[Record]]:
    """Run ``records`` in a process, which waits while nobody reads what it has sent."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_serve, args=(theirs, scenario, seed, share), daemon=True)
    process.start()
    theirs.close()
    try:
        yield _received(ours)
    finally:
        ours.close()
        process.terminate()
        process.join()


def _serve(out: Connection, scenario: Scenario, seed: int | None, share: Sequence[int]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that people see
    batch: list[Any] = []
    try:
        for record in records(scenario, seed, share):
            batch.append(record)
            if len(batch) >= _BATCH:
                out.send(batch)
                batch = []
        out.send(batch)
        out.send(None)
    except BrokenPipeError:
        pass  # nobody wants the rest


def _received(source: Connection) -> Iterator[Record]:
    while True:
        try:
            batch = source.recv()
        except EOFError:
            raise RuntimeError("a process of the simulation has died; its error is above") from None
        if batch is None:
            return
        yield from batch
