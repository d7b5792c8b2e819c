"""Keeps one part running: starts it when its turn comes, starts it again when it dies, stops it."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from infra.embedded.supervisor import child
from infra.embedded.supervisor.backoff import Backoff
from infra.embedded.supervisor.child import Child, OnLine
from infra.embedded.supervisor.guardian import Guardian
from infra.embedded.supervisor.part import Event, Kind, Part
from schemas.errors import ConfigError, PenstockError, UnavailableError

OnEvent = Callable[[Event], None]
ASK_EVERY_S = 0.1
# A part that never came up, five times in a row (8 s of waiting in all), will not come up.
ATTEMPTS = 5
_MISCONFIGURED = 2


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all keepers share."""

    on_event: OnEvent
    on_line: OnLine
    guardian: Guardian
    force: asyncio.Event


class Keeper:
    """One part, from its first start to its last stop."""

    def __init__(self, part: Part, around: Surroundings) -> None:
        self.part = part
        self.is_ready = asyncio.Event()
        self.has_stopped = asyncio.Event()
        self._around = around
        self._child: Child | None = None

    async def keep(self, others: Mapping[str, "Keeper"]) -> None:
        """Start the part after those it comes after, and again whenever it dies; returns for ``once`` alone.

        Raises:
            ConfigError: it says that the settings are wrong.
            UnavailableError: it does not come up.
        """
        for name in self.part.after:
            await others[name].is_ready.wait()
        backoff = Backoff()
        loop = asyncio.get_running_loop()
        while True:
            started = loop.time()
            why = await self._run_once()
            if why is None:
                return
            backoff = backoff.after_death(loop.time() - started)
            if not self.is_ready.is_set() and backoff.deaths >= ATTEMPTS:
                raise UnavailableError(f"{self.part.name} does not come up: {why}")
            self._tell("restarting", delay_s=backoff.delay_s)
            await asyncio.sleep(backoff.delay_s)

    async def stop(self, dependants: tuple["Keeper", ...]) -> None:
        """Stop the part once those that come after it have stopped; its ``keep`` must be cancelled before."""
        for other in dependants:
            await other.has_stopped.wait()
        if self._child is not None:
            self._tell("stopping")
            await self._child.stop(self.part.stop_within_s, self._around.force, self._around.guardian)
            self._tell("stopped")
            self._child = None
        self.has_stopped.set()

    async def _run_once(self) -> str | None:
        """Run until the end; return why it died, or None where ``once`` is done."""
        self._tell("starting")
        try:
            self._child = await child.start(self.part, self._around.on_line, self._around.guardian)
        except OSError as exc:
            raise ConfigError(f"{self.part.name} cannot be started: {exc}") from exc
        late = await self._come_up(self._child)
        if late:
            self._child.kill()
        code = await self._child.ended(self._around.guardian)
        if self.part.once and code == 0:
            self._announce_ready()
            self._child = None
            return None
        why = late or _cause(code, self._child)
        self._tell("died", detail=why)
        self._child = None
        if code == _MISCONFIGURED and not self.is_ready.is_set():
            raise ConfigError(why)
        return why

    async def _come_up(self, started: Child) -> str | None:
        """Wait for readiness or the end; return a reason where neither came in time."""
        if self.part.once:
            return None
        ending = asyncio.create_task(started.ended(self._around.guardian))
        asking = asyncio.create_task(self._until_ready())
        try:
            within = self.part.ready_within_s
            await asyncio.wait((ending, asking), timeout=within, return_when=asyncio.FIRST_COMPLETED)
            if ending.done():
                return None
            if not asking.done():
                return f"not ready within {within:g} s"
            asking.result()
            self._announce_ready()
            return None
        finally:
            for task in (ending, asking):
                task.cancel()
            await asyncio.gather(ending, asking, return_exceptions=True)

    async def _until_ready(self) -> None:
        while self.part.ready is not None:
            with suppress(OSError, PenstockError):
                if await self.part.ready():
                    return
            await asyncio.sleep(ASK_EVERY_S)

    def _announce_ready(self) -> None:
        self._tell("ready")
        self.is_ready.set()

    def _tell(self, kind: Kind, *, detail: str = "", delay_s: float | None = None) -> None:
        pid = self._child.pid if self._child else None
        self._around.on_event(Event(kind, self.part.name, datetime.now(UTC), pid, detail, delay_s))


def _cause(code: int, ended: Child) -> str:
    how = f"signal {-code}" if code < 0 else f"exit code {code}"
    said = [line for line in ended.last_lines if line.strip()]
    return f"{how}: {said[-1].removeprefix('penstock: ')}" if said else how
