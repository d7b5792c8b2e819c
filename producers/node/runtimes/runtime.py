"""One runtime, read again and again: what all kinds share. How a kind is asked is its ``Dialect``."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from producers.node.runtimes.deltas import Count, Totals
from producers.node.runtimes.http import BadAnswer, NobodyThere, RuntimeHttp
from producers.node.runtimes.target import Target
from producers.node.source import Facts
from schemas.events.node_registered import AvailableModel, RuntimeInventory
from schemas.events.node_sample import LoadedModel, RuntimeSample, RuntimeStatus
from schemas.events.reading import NAN

INVENTORY_S = 30.0


@dataclass(frozen=True, slots=True)
class Live:
    """What changes from second to second.

    ``counts`` are as the runtime shows them, since its own start. ``loaded`` is left out by a runtime whose
    models stay what they were at its start.
    """

    requests_running: float = NAN
    requests_waiting: float = NAN
    slots: float = NAN
    kv_cache_ratio: float = NAN
    counts: tuple[Count, ...] = ()
    running_by_model: tuple[tuple[str, float], ...] = ()
    loaded: tuple[LoadedModel, ...] | None = None


@dataclass(frozen=True, slots=True)
class Description:
    """What changes seldom."""

    version: str = ""
    slots: float = NAN
    loaded: tuple[LoadedModel, ...] = ()
    available: tuple[AvailableModel, ...] = ()


class Dialect(Protocol):
    """How one kind of runtime is asked; both raise NobodyThere and BadAnswer."""

    async def live(self, http: RuntimeHttp) -> Live:
        """Return what changes from second to second."""

    async def describe(self, http: RuntimeHttp) -> Description:
        """Return what changes seldom."""


class Runtime:
    """Reads one server. ``totals`` outlive it: another process may follow on the same port."""

    def __init__(
        self, at: Target, dialect: Dialect, totals: Totals, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._at = at
        self._dialect = dialect
        self._totals = totals
        self._clock = clock
        self._http = RuntimeHttp(at.url, at.token)
        self._description = Description()
        self._described_s = float("-inf")

    async def read(self) -> Facts:
        """Return its readings; one that is away or talks nonsense is a reading too."""
        try:
            live = await self._dialect.live(self._http)
            await self._refresh()
        except NobodyThere as exc:
            self._totals.restart()  # whoever listens here next is another process
            return self._lost("down", str(exc))
        except BadAnswer as exc:
            return self._lost("error", str(exc))
        self._totals.observe(self._clock(), live.counts)
        return self._facts("up", live)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    async def _refresh(self) -> None:
        if self._clock() - self._described_s < INVENTORY_S:
            return
        self._description = await self._dialect.describe(self._http)
        self._described_s = self._clock()

    def _lost(self, status: RuntimeStatus, trouble: str) -> Facts:
        self._described_s = float("-inf")  # another version may come back
        return self._facts(status, Live(), trouble)

    def _facts(self, status: RuntimeStatus, live: Live, trouble: str = "") -> Facts:
        running = dict(live.running_by_model)
        loaded = live.loaded if live.loaded is not None else self._description.loaded
        sample = RuntimeSample(
            self._at.runtime_id,
            self._at.kind,
            status,
            requests_running=live.requests_running,
            requests_waiting=live.requests_waiting,
            slots=live.slots if live.slots >= 0 else self._description.slots,
            kv_cache_ratio=live.kv_cache_ratio,
            age_s=0.0,
            models=tuple(each._replace(requests_running=running.get(each.name, NAN)) for each in loaded)
            if status == "up"
            else (),
        )
        inventory = inventory_of(self._at, self._description)
        return Facts(runtimes=(self._totals.onto(sample),), runtime_inventory=(inventory,), trouble=trouble)


def inventory_of(at: Target, description: Description) -> RuntimeInventory:
    """Return what is registered of a runtime."""
    return RuntimeInventory(
        runtime_id=at.runtime_id,
        kind=at.kind,
        url=at.reachable_url or at.url,
        version=description.version,
        discovered_by=at.discovered_by,
        container=at.container,
        command_line=at.command_line,
        pid=at.pid,
        slots=description.slots,
        models=description.available,
    )
