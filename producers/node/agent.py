"""The agent as a process: collectors, sampler, emitter, and the port of its metrics. Wiring only."""

import asyncio
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from producers import metrics
from producers.announce import REPEAT_S, announce
from producers.connector import quiet_client
from producers.emitter import Emitter, EmitterStatistics
from producers.health import Health, HealthServer
from producers.node.collector import Collector, collector
from producers.node.discovery import finder
from producers.node.identity import Identity, describe, identify
from producers.node.sampler import Sampler
from producers.node.sources import all_sources
from producers.schedule import Tick, ticks
from schemas.codec import Event
from schemas.events.node_registered import NodeRegistered
from schemas.events.node_sample import NodeSample
from schemas.settings import Settings
from schemas.topics import NODES, TELEMETRY, Topic

# The first registration waits for the first readings, but not for one that hangs.
FIRST_READINGS_S = 3.0
REGISTRATION_S = 5.0
# What is read less often than this is no rate.
RATE_PERIOD_S = 2.0
# Typed samples of a large node are some 10 kB each in memory: half an hour of them at one a second.
_QUEUE_RECORDS = 2000
# Samples this long overdue mean that the loop stands still.
_SILENT_S = 5.0


class Outlet(Protocol):
    """Where facts go: the emitter, or a recording."""

    def emit(self, topic: Topic, key: str, event: Event) -> None:
        """Take a fact; it never waits."""

    @property
    def statistics(self) -> EmitterStatistics:
        """The counts of this moment."""


class Agent:
    """Samples until it is cancelled."""

    def __init__(self, settings: Settings, identity: Identity, emitter: Outlet) -> None:
        self._settings = settings.node
        self._identity = identity
        self._emitter = emitter
        self._collectors = _collectors(settings)
        self._sampler = Sampler(settings.node, identity, describe(), self._collectors)
        self._counted: EmitterStatistics | None = None
        self._counted_collectors: set[str] = set()
        self._last_s = time.monotonic()

    async def run(self) -> None:
        """Register, sample, and register again on change; say so when stopping."""
        for each in self._collectors:
            each.start()
        try:
            await asyncio.gather(self._register(), self._sample())
        finally:
            announce(self._emitter, self._sampler.stopped("signal"))
            for each in list(self._collectors):  # the finder takes its own out
                await each.stop()

    def health(self) -> Health:
        """Return whether samples are taken; Kafka's absence is no failure of the agent."""
        statistics = self._emitter.statistics
        silent_s = time.monotonic() - self._last_s
        details = {
            "node_id": self._identity.node_id,
            "boot_id": self._identity.boot_id,
            "seq": self._sampler.last_seq,
            "last_sample_age_s": round(silent_s, 3),
            "kafka_connected": statistics.connected,
            "waiting": statistics.waiting,
            "spool_records": statistics.spool_records,
            "dropped": statistics.dropped,
            "clock_steps": self._sampler.clock_watch.steps,
            "suspensions": self._sampler.clock_watch.suspensions,
        }
        return Health(silent_s < self._settings.interval_s + _SILENT_S, details)

    async def _sample(self) -> None:
        async for tick in ticks(self._settings.interval_s):
            statistics = self._emitter.statistics
            sample = self._sampler.sample(tick, statistics)
            self._emitter.emit(TELEMETRY, self._identity.node_id, sample)
            self._count(tick, sample, statistics)

    def _count(self, tick: Tick, sample: NodeSample, statistics: EmitterStatistics) -> None:
        self._last_s = time.monotonic()
        metrics.SAMPLES.inc()
        metrics.MISSED.inc(tick.missed)
        metrics.LATENESS.observe(tick.lateness_s)
        metrics.count_emitter(self._counted, statistics)
        self._counted = statistics
        metrics.count_suspects(sample.suspects)
        for report in sample.collectors:
            metrics.count_report(report)
        if sample.collectors:
            names = {each.progress.name for each in self._collectors}
            metrics.forget_collectors(self._counted_collectors - names)
            self._counted_collectors = names

    async def _register(self) -> None:
        await first_readings(self._collectors, runs=1, deadline_s=FIRST_READINGS_S)
        last: NodeRegistered | None = None
        said_s = 0.0
        while True:
            if event := self._sampler.registration():
                announce(self._emitter, event)
                last, said_s = event, time.monotonic()
            elif last is not None and time.monotonic() - said_s >= REPEAT_S:
                self._emitter.emit(TELEMETRY, last.node_id, last)
                said_s = time.monotonic()
            await asyncio.sleep(REGISTRATION_S)


async def first_readings(collectors: Sequence[Collector], *, runs: int, deadline_s: float) -> None:
    """Return when every collector has ended so many runs or found nothing to read, or at the deadline."""

    def ready(one: Collector) -> bool:
        view = one.view()
        wanted = runs if view.period_s <= RATE_PERIOD_S else 1
        return one.progress.runs >= wanted or view.status not in ("starting", "ok")

    end_s = time.monotonic() + deadline_s
    while not all(map(ready, collectors)) and time.monotonic() < end_s:
        await asyncio.sleep(0.05)


async def take_once(settings: Settings) -> tuple[NodeRegistered, NodeSample]:
    """Return this node's registration and one whole sample, without Kafka; it takes about two seconds."""
    collectors = _collectors(settings)
    identity = identify(settings.node, settings.data_dir)
    sampler = Sampler(settings.node, identity, describe(), collectors)
    for each in collectors:
        each.start()
    try:
        # Rates need two readings.
        await first_readings(collectors, runs=2, deadline_s=2 * FIRST_READINGS_S)
        registration = sampler.registration()
        assert registration is not None
        return registration, sampler.sample(Tick(time.monotonic(), 0.0, 0), None)
    finally:
        for each in list(collectors):
            await each.stop()


async def serve(settings: Settings) -> None:
    """Run the agent until cancelled; then say so, and send or spool what waits.

    Raises:
        ConfigError: a port is in use, the settings of Kafka cannot work, or another agent uses the spool.
    """
    quiet_client(settings.log.level)
    identity = identify(settings.node, settings.data_dir)
    emitter = Emitter(
        settings.kafka,
        settings.registry,
        topics=(NODES, TELEMETRY),
        spool=settings.data_dir / "spool" / "node",
        spool_bytes=settings.node.spool_bytes,
        queue_records=_QUEUE_RECORDS,
    )
    agent = Agent(settings, identity, emitter)
    server = HealthServer(settings.node.metrics_port, agent.health, setting="node.metrics_port")
    server.start()
    try:
        await emitter.start()
        try:
            await agent.run()
        finally:
            await emitter.stop()
    finally:
        server.stop()


async def record(settings: Settings, file: Path) -> None:
    """Run the agent until cancelled, and keep what it would send in a file; nothing is sent.

    Raises:
        ConfigError: the file exists already or cannot be made.
        RecordingError: the file cannot be written any more.
    """
    from producers.node.recording import Recorder  # fastavro comes with it, 10 MB that only a recording needs

    with Recorder(file) as recorder:
        await Agent(settings, identify(settings.node, settings.data_dir), recorder).run()


def _collectors(settings: Settings) -> Sequence[Collector]:
    """Return the collectors; the finder adds those of runtimes, and takes out those that are gone."""
    found = [collector(source) for source in all_sources(settings.data_dir, per_core=settings.node.per_core)]
    found.append(collector(finder.source(settings.node, os.environ, found)))
    return found
