"""Turns the collectors' readings into the node's facts, one sample a tick; it does no I/O of its own."""

import logging
import time
from collections.abc import Callable, Sequence

import psutil

from producers.emitter import EmitterStatistics
from producers.node import clock_watch
from producers.node.clock_watch import Clocks, ClockWatch, Notice
from producers.node.collector import Collector
from producers.node.frozen import FrozenReadings
from producers.node.identity import Identity, Machine
from producers.node.progress import View
from producers.node.registration import Changes, registered
from producers.node.runtimes.deltas import Differences
from producers.node.sample import Head, assemble
from producers.node.slow import Slow, SlowParts, temperatures
from producers.schedule import Tick
from schemas.events.node_registered import NodeRegistered
from schemas.events.node_sample import AgentSample, CollectorReport, NodeSample
from schemas.events.node_stopped import NodeStopped
from schemas.settings import NodeSettings

# Memory of the agent itself: read with the samples that carry reports, the value between.
_OWN = psutil.Process()

logger = logging.getLogger(__name__)


class Sampler:
    """One run of the agent: ``seq`` counts its samples from 0."""

    def __init__(
        self,
        settings: NodeSettings,
        identity: Identity,
        machine: Machine,
        collectors: Sequence[Collector],
        *,
        clocks: Callable[[], Clocks] = clock_watch.read,
    ) -> None:
        self._settings = settings
        self._identity = identity
        self._machine = machine
        self._collectors = collectors
        self._slow = SlowParts()
        self._changes = Changes()
        self._frozen = FrozenReadings()
        self._clocks = clocks
        self.clock_watch = ClockWatch()
        self._differences = Differences()
        self._seq = 0
        self._missed = 0
        self._rss_bytes = 0.0
        self._cpu = (time.monotonic(), time.process_time())

    @property
    def last_seq(self) -> int:
        """``seq`` of the last sample; -1 before the first."""
        return self._seq - 1

    def sample(self, tick: Tick, emitter: EmitterStatistics | None) -> NodeSample:
        """Return the sample of a tick."""
        clocks = self._clocks()
        now_s, notice = clocks.running_s, self.clock_watch.notice(clocks)
        _tell(notice)
        views = [collector.view() for collector in self._collectors]
        self._missed += tick.missed
        slow = self._slow_parts(views, now_s)
        head = Head(
            self._identity.node_id,
            self._identity.fleet,
            self._identity.boot_id,
            round(clocks.wall_s * 1e6),
            self._seq,
        )
        self._seq += 1
        sample = assemble(head, self._own(tick, emitter, now_s), views, slow, now_s)
        sample = self._frozen.screened(sample, views)
        return sample._replace(
            runtimes=self._differences.take(sample.runtimes), suspects=(*sample.suspects, *notice.suspects())
        )

    def registration(self) -> NodeRegistered | None:
        """Return the registration if it says anything new since the last one."""
        event = registered(
            self._identity,
            self._machine,
            [collector.view() for collector in self._collectors],
            tags=self._settings.tags,
            interval_s=self._settings.interval_s,
            occurred_at=time.time_ns() // 1000,
        )
        return event if self._changes.new(event) else None

    def stopped(self, reason: str) -> NodeStopped:
        """Return the last fact of this run."""
        identity = self._identity
        now = time.time_ns() // 1000
        return NodeStopped(identity.node_id, identity.fleet, identity.boot_id, now, self.last_seq, reason)

    def _slow_parts(self, views: Sequence[View], now_s: float) -> Slow:
        due, changed = self._slow.due(now_s), self._slow.changed(views)
        health = self._slow.gpu_health(views, now_s)
        if not due and not changed:
            return Slow(gpu_health=health)
        if due:
            self._rss_bytes = float(_OWN.memory_info().rss)
        return Slow(health, temperatures(views) if due else (), self._reports(changed, due=due))

    def _reports(self, changed: Sequence[str], *, due: bool) -> tuple[CollectorReport, ...]:
        return tuple(
            collector.report() for collector in self._collectors if due or collector.progress.name in changed
        )

    def _own(self, tick: Tick, emitter: EmitterStatistics | None, now_s: float) -> AgentSample:
        (before_s, used_before_s), used_s = self._cpu, time.process_time()
        self._cpu = (now_s, used_s)
        nan = float("nan")
        return AgentSample(
            monotonic_s=now_s,
            cpu_ratio=(used_s - used_before_s) / (now_s - before_s) if now_s > before_s else nan,
            rss_bytes=self._rss_bytes,
            lateness_s=tick.lateness_s,
            missed_total=float(self._missed),
            spool_records=float(emitter.spool_records) if emitter else nan,
            spool_bytes=float(emitter.spool_bytes) if emitter else nan,
            spool_dropped_total=float(emitter.dropped) if emitter else nan,
        )


def _tell(notice: Notice) -> None:
    """Log what happened to the clocks; it happens seldom."""
    if notice.stepped_s:
        logger.warning(
            "the node's clock was set by %+.3f s: times around now do not compare", notice.stepped_s
        )
    if notice.suspended_s:
        logger.warning(
            "the machine was suspended for %.1f s: there are no samples of that time", notice.suspended_s
        )
