"""A scenario into Kafka, through the emitter of real agents, paced by the clock.

At speed 1 the facts are of now, and everything is judged as of a real fleet. Faster, they are of the past
(``producers.simulator.present``), and this keeps what is made of them meaningful:

- Samples are marked ``spooled``, as of nodes that send what they kept: nobody's clock is judged by them.
- The facts of a request are sent together when it is over. A stage closes panes of requests by the clock, and
  a request that is open there would seem to have been silent for all the time that lies between.
- The requests get ticks as often as their time passes, so that their panes close as soon as those of nodes.

What is judged by arrival (silence of nodes, requests in flight) shrinks with the speed: docs/simulator.md.
"""

import asyncio
import math
import time
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, suppress
from typing import NamedTuple

from aiokafka.errors import KafkaError

from producers.clock import Clock
from producers.connector import Connector, quiet_client
from producers.emitter import Emitter, EmitterStatistics
from producers.simulator.fact import Fact
from producers.simulator.present import Present, shift_us
from producers.simulator.scenario.model import Scenario
from schemas.errors import ConfigError, UnavailableError
from schemas.events.node_sample import NodeSample
from schemas.events.node_stopped import NodeStopped
from schemas.events.request_finished import RequestFinished
from schemas.settings import Settings
from schemas.topics import NODES, REQUESTS, TELEMETRY

SPOOL_BYTES = 256 << 20
CONNECT_S = 20.0
# The emitter never waits; this is how much may wait in it before the simulation does.
QUEUE = 20_000
# The node stage takes no sample that is older than eight days.
MAX_PAST_S = 7 * 86_400.0
TICK_S = 5.0
_LEAST_TICK_S = 0.2

Report = Callable[[float, int], None]


class Sent(NamedTuple):
    """What came of a run. ``seconds`` of event time."""

    facts: int
    seconds: float
    statistics: EmitterStatistics


async def send(
    scenario: Scenario, facts: Iterable[Fact], settings: Settings, *, speed: float, report: Report
) -> Sent:
    """Send the facts of a scenario, ``speed`` times as fast as they come; infinite: as Kafka takes them.

    ``report`` is told now and then of the seconds of event time and the facts that are sent. When this is
    cancelled, and at the end, the nodes say that they stop.

    Raises:
        UnavailableError: Kafka or the registry do not answer.
        ConfigError: the scenario is too long for the speed, or the settings of Kafka cannot work.
    """
    _check(scenario, speed)
    quiet_client(settings.log.level)
    emitter = Emitter(
        settings.kafka,
        settings.registry,
        topics=(NODES, TELEMETRY, REQUESTS),
        spool=settings.data_dir / "spool" / f"simulate-{scenario.name}",
        spool_bytes=SPOOL_BYTES,
        queue_records=2 * QUEUE,
    )
    await emitter.start()
    try:
        await _connected(emitter, settings)
        async with _ticking(settings, speed):
            run = _Run(scenario, emitter, speed, report)
            try:
                await run.go(facts)
            finally:
                run.stop_nodes()
            await _drained(emitter)
    finally:
        await emitter.stop()
    return Sent(run.count, run.seconds, emitter.statistics)


def _check(scenario: Scenario, speed: float) -> None:
    past_s = scenario.duration_s * (1 - 1 / speed)
    if past_s > MAX_PAST_S:
        raise ConfigError(
            f"at this speed, {scenario.name} would begin {past_s / 86_400:.1f} days ago, and samples of more "
            f"than {MAX_PAST_S / 86_400:.0f} days are not taken; choose a lower speed, or --out log"
        )


async def _connected(emitter: Emitter, settings: Settings) -> None:
    deadline = time.monotonic() + CONNECT_S
    while not emitter.statistics.connected:
        if time.monotonic() > deadline:
            raise UnavailableError(
                f"Kafka at {settings.kafka.bootstrap_servers} or the registry at {settings.registry.url} "
                "does not answer; start them with penstock up, or write a file with --out log"
            )
        await asyncio.sleep(0.05)


async def _drained(emitter: Emitter) -> None:
    """Wait until Kafka has what was sent; while it is away, stopping puts that on disk."""
    while emitter.statistics.waiting and emitter.statistics.connected:
        await asyncio.sleep(0.02)


@asynccontextmanager
async def _ticking(settings: Settings, speed: float) -> AsyncIterator[None]:
    """Tick for requests as often as their time passes; at speed 1 the clock of the stack does."""
    if speed <= 1:
        yield
        return
    interval_s = max(_LEAST_TICK_S, TICK_S / speed)
    connector = Connector(settings.kafka, settings.registry, (REQUESTS,))
    task = asyncio.create_task(Clock(connector, interval_s, (REQUESTS,)).run(), name="ticks of requests")
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        with suppress(KafkaError):
            await connector.stop()


class _Run:
    """One run: its clock, what it holds back, and the nodes that are up."""

    def __init__(self, scenario: Scenario, emitter: Emitter, speed: float, report: Report) -> None:
        begin_us = time.time_ns() // 1000
        shift = shift_us(scenario.starts_at, begin_us, scenario.duration_s, speed)
        self._present = Present(uuid.uuid4().hex, shift, spooled=speed > 1)
        self._started_at = scenario.starts_at
        self._emitter = emitter
        self._speed = speed
        self._together = speed > 1
        self._report = report
        self._begin_s = time.monotonic()
        self._up: dict[str, NodeSample] = {}
        self.count = 0
        self.seconds = 0.0

    async def go(self, facts: Iterable[Fact]) -> None:
        """Send each fact at its time."""
        for fact in whole_requests(facts) if self._together else facts:
            if fact.key is None:
                continue  # the stack has a clock
            await self._wait(fact.arrived_at)
            key, event = self._present.event(fact)
            assert key is not None
            self._emitter.emit(fact.topic, key, event)
            self._remember(event)
            self.count += 1
        await self._wait(None)

    async def _wait(self, arrived_at: int | None) -> None:
        """Wait until a fact is due and there is room; now and then let others work."""
        if arrived_at is not None:
            self.seconds = max(self.seconds, (arrived_at - self._started_at) / 1e6)
        due_s = self._begin_s + (0.0 if math.isinf(self._speed) else self.seconds / self._speed)
        while (wait_s := due_s - time.monotonic()) > 0 or self._emitter.statistics.waiting > QUEUE:
            self._report(self.seconds, self.count)
            await asyncio.sleep(min(max(wait_s, 0.01), 0.5))
        if self.count % 200 == 0:
            self._report(self.seconds, self.count)
            await asyncio.sleep(0)

    def _remember(self, event: object) -> None:
        if isinstance(event, NodeSample):
            self._up[event.node_id] = event
        elif isinstance(event, NodeStopped):
            self._up.pop(event.node_id, None)

    def stop_nodes(self) -> None:
        """Let the nodes that are up say that they stop: the end of a simulation is no outage."""
        for node_id, last in sorted(self._up.items()):
            stopped = NodeStopped(node_id, last.fleet, last.boot_id, last.occurred_at, last.seq, "simulated")
            for topic in (NODES, TELEMETRY):
                self._emitter.emit(topic, node_id, stopped)
        self._up.clear()


def whole_requests(facts: Iterable[Fact]) -> Iterator[Fact]:
    """Yield the facts, those of a request together when it is over; those never over are left out."""
    held: dict[str, list[Fact]] = defaultdict(list)
    for fact in facts:
        if fact.topic is not REQUESTS or fact.key is None:
            yield fact
            continue
        held[fact.key].append(fact)
        if isinstance(fact.event, RequestFinished):
            yield from (one._replace(arrived_at=fact.arrived_at) for one in held.pop(fact.key))
