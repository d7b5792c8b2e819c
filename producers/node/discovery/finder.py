"""Keeps the collectors of runtimes in step with what runs: starts one for each that says what it is.

    named, environment, processes, defaults --> candidates --> does it listen? --> what is it? --> collector

One that is gone stays as ``down`` for a while, so that the fleet sees it go. What a port was found to be is
asked again at every scan: two runtimes may take turns on it.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, MutableSequence, Sequence
from dataclasses import dataclass

from producers.node.collector import Collector, TaskCollector
from producers.node.discovery import named
from producers.node.discovery.candidate import Candidate
from producers.node.discovery.candidates import candidates
from producers.node.discovery.processes import Process, Processes
from producers.node.discovery.reach import listens, local, reachable_url
from producers.node.probe import Probe
from producers.node.runtimes.deltas import Totals
from producers.node.runtimes.http import NobodyThere, RuntimeHttp
from producers.node.runtimes.identify import identify
from producers.node.runtimes.opened import opened
from producers.node.runtimes.target import Kind, Target
from producers.node.source import Facts, Waiting
from schemas.settings import NodeSettings

SCAN_S = 5.0
READ_S = 2.0
READ_TIMEOUT_S = 12.0
# More than one question that is not answered in time.
IDENTIFY_S = 3.0
GONE_S = 120.0
FORGOTTEN_S = 3600.0
# A server that is no runtime is asked less and less often: at every scan, then every second one, up to this.
_MOST_SCANS_BETWEEN = 12
_AT_ONCE = 8

logger = logging.getLogger(__name__)
Scan = Callable[[], Sequence[Process]]


@dataclass(slots=True)
class _Found:
    """A runtime that has a collector."""

    target: Target
    collector: TaskCollector
    seen_s: float


@dataclass(slots=True)
class _Stranger:
    """Something listens, and it is no runtime, or not yet."""

    asked: int = 0
    wait_scans: int = 0


class Finder:
    """Adds collectors to those of the agent, and takes them out again. ``clock`` gives monotonic seconds."""

    def __init__(
        self,
        settings: NodeSettings,
        environ: Mapping[str, str],
        collectors: MutableSequence[Collector],
        scan: Scan | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._environ = environ
        self._collectors = collectors
        self._named = named.candidates(settings)
        self._scan = scan or Processes().scan
        self._clock = clock
        self._found: dict[str, _Found] = {}
        self._totals: dict[str, tuple[Totals, float]] = {}
        self._strangers: dict[str, _Stranger] = {}
        self._asking: dict[str, RuntimeHttp] = {}

    async def read(self) -> Facts:
        """Look once; what is found reads for itself."""
        hopeful = await self._candidates()
        limit = asyncio.Semaphore(_AT_ONCE)
        kinds = await asyncio.gather(*(self._kind(each, limit) for each in hopeful))
        for each, kind in zip(hopeful, kinds, strict=True):
            if kind is not None:
                await self._seen(each, kind)
            elif each.discovered_by == "settings" and each.kind is not None:
                await self._expect(each, each.kind)
        await self._forget()
        return Facts()

    async def close(self) -> None:
        """Stop the collectors it started, and close the connections."""
        for runtime_id in list(self._found):
            await self._remove(runtime_id, "the agent stops")
        for http in self._asking.values():
            await http.close()
        self._asking.clear()

    async def _candidates(self) -> tuple[Candidate, ...]:
        if not self._settings.discover:
            return self._named
        found = candidates(self._named, self._environ, await asyncio.to_thread(self._scan))
        # OLLAMA_HOST may lead to another machine, whose runtime is not this node's.
        return tuple(each for each in found if each.discovered_by == "settings" or local(each.url))

    async def _kind(self, candidate: Candidate, limit: asyncio.Semaphore) -> Kind | None:
        """Ask what is there; who said that it is no runtime is not asked each time."""
        async with limit:
            url = candidate.url
            if not await listens(url):
                self._strangers.pop(url, None)
                await self._stop_asking(url)
                return None
            stranger = self._strangers.setdefault(url, _Stranger())
            if stranger.wait_scans > 0:
                stranger.wait_scans -= 1
                return None
            kind = await self._identified(candidate)
            if kind is None:
                stranger.asked += 1
                known_process = candidate.pid != 0  # it will be one, as soon as it has loaded
                stranger.wait_scans = 0 if known_process else min(stranger.asked // 2, _MOST_SCANS_BETWEEN)
            else:
                self._strangers.pop(url, None)
            return kind

    async def _identified(self, candidate: Candidate) -> Kind | None:
        http = self._asking.get(candidate.url)
        if http is None:
            http = self._asking[candidate.url] = RuntimeHttp(candidate.url, self._token(candidate))
        known = next(
            (each.target.kind for each in self._found.values() if each.target.url == candidate.url), None
        )
        try:
            async with asyncio.timeout(IDENTIFY_S):
                kind = await identify(http, known or candidate.kind)
        except NobodyThere:
            return None
        except TimeoutError:
            return known  # one that hangs is still what it was, and the fleet must see that it hangs
        # Whatever speaks OpenAI's language may be a gateway, or ourselves: only where someone named it.
        return None if kind == "openai" and candidate.discovered_by != "settings" else kind

    async def _seen(self, candidate: Candidate, kind: Kind) -> None:
        target = self._target(candidate, kind)
        known = self._found.get(target.runtime_id)
        if known is not None and _same(known.target, target):
            known.seen_s = self._clock()
            return
        for runtime_id, each in list(self._found.items()):
            if each.target.url == target.url or runtime_id == target.runtime_id:
                await self._remove(runtime_id, "another process answers")
        target = target._replace(reachable_url=await reachable_url(target.url))
        await self._add(target)

    async def _expect(self, candidate: Candidate, kind: Kind) -> None:
        """Read what someone named, though it is away: that is a fact of its own."""
        target = self._target(candidate, kind)
        if not any(each.target.url == target.url for each in self._found.values()):
            await self._add(target)

    async def _add(self, target: Target) -> None:
        now_s = self._clock()
        totals, _ = self._totals.get(target.runtime_id, (Totals(), now_s))
        totals.restart()
        self._totals[target.runtime_id] = (totals, now_s)
        reader = opened(target, totals)
        if self._settings.probe:
            reader = Probe(target, reader, self._settings.probe_interval_s)
        collector = TaskCollector(
            Waiting(target.runtime_id, reader.read, reader.close, READ_S, READ_TIMEOUT_S)
        )
        self._found[target.runtime_id] = _Found(target, collector, now_s)
        self._collectors.append(collector)
        collector.start()
        logger.info("found %s at %s by %s", target.kind, target.url, target.discovered_by)

    async def _remove(self, runtime_id: str, why: str) -> None:
        found = self._found.pop(runtime_id)
        self._collectors.remove(found.collector)
        await found.collector.stop()
        await self._stop_asking(found.target.url)
        logger.info("no longer read: %s: %s", runtime_id, why)

    async def _forget(self) -> None:
        now_s = self._clock()
        for runtime_id, each in list(self._found.items()):
            self._totals[runtime_id] = (self._totals[runtime_id][0], now_s)
            if now_s - each.seen_s > GONE_S and each.target.discovered_by != "settings":
                await self._remove(runtime_id, f"away for {GONE_S:g} s")
        for runtime_id, (_, used_s) in list(self._totals.items()):
            if now_s - used_s > FORGOTTEN_S:
                del self._totals[runtime_id]

    async def _stop_asking(self, url: str) -> None:
        if http := self._asking.pop(url, None):
            await http.close()

    def _target(self, candidate: Candidate, kind: Kind) -> Target:
        return Target(
            kind,
            candidate.url,
            candidate.discovered_by,
            pid=candidate.pid,
            command_line=candidate.command_line,
            container=candidate.container,
            token=self._token(candidate),
        )

    def _token(self, candidate: Candidate) -> str:
        """Return the key, for those alone who were named: others must not learn it."""
        secret = self._settings.runtime_key.get_secret_value()
        return secret if candidate.discovered_by == "settings" else ""


def _same(known: Target, seen: Target) -> bool:
    """Return whether it is the same server still; how the fleet reaches it was found out once."""
    return known._replace(reachable_url="") == seen


def source(
    settings: NodeSettings, environ: Mapping[str, str], collectors: MutableSequence[Collector]
) -> Waiting:
    """Look every five seconds; ``collectors`` are the agent's, to which those of runtimes are added."""
    finder = Finder(settings, environ, collectors)
    return Waiting("discovery", finder.read, finder.close, period_s=SCAN_S, timeout_s=30.0)
