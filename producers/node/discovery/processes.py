"""The processes of this machine that are runtimes, or lead to one in a container; psutil.

A process is inspected when it appears, and again while it is young, for what is started through a shell is
the shell at first. Of the others some are inspected again at each scan, all within a minute.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import psutil

from producers.node.discovery import containers
from producers.node.discovery.argv import Started, started
from producers.node.discovery.containers import Published, published
from producers.node.discovery.environment import url_of
from producers.node.discovery.redact import redact

YOUNG_S = 60.0
_ROUNDS = 12
_MOST_PORTS = 4


class Process(NamedTuple):
    """A process that is worth a look. ``ports``: where it or its children listen, if it does not say."""

    pid: int
    runtime: Started | None
    published: Published | None
    command_line: str = ""
    environment_url: str = ""
    container: str = ""
    ports: tuple[int, ...] = ()


class _Known(NamedTuple):
    born_s: float
    found: Process | None


class Processes:
    """Remembers what it saw; ``clock`` gives seconds since the epoch, as processes' start times are."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._known: dict[int, _Known] = {}
        self._round = 0

    def scan(self) -> tuple[Process, ...]:
        """Return the processes of interest, parents before their children; it blocks for milliseconds."""
        self._round += 1
        now_s, before = self._clock(), self._known
        self._known = {pid: self._kept(before.get(pid), pid, now_s) for pid in psutil.pids()}
        found = [each.found for each in self._known.values() if each.found is not None]
        return tuple(sorted(found, key=lambda process: process.pid))

    def _kept(self, known: _Known | None, pid: int, now_s: float) -> _Known:
        if known is not None and known.found is None and not self._due(known, pid, now_s):
            return known
        try:
            process = psutil.Process(pid)
            # Only create_time tells that a number was given to another process.
            if (
                known is not None
                and known.born_s == process.create_time()
                and not self._due(known, pid, now_s)
            ):
                return known
            return _Known(process.create_time(), _inspect(process))
        except (psutil.Error, OSError):  # it vanished, or is none of ours to read
            return _Known(now_s, None)

    def _due(self, known: _Known, pid: int, now_s: float) -> bool:
        return abs(now_s - known.born_s) < YOUNG_S or pid % _ROUNDS == self._round % _ROUNDS


def _inspect(process: psutil.Process) -> Process | None:
    argv = process.cmdline()
    if led := published(argv):
        return Process(process.pid, None, led)
    runtime = started(argv)
    if runtime is None or _works_for_another(process, runtime):
        return None
    environment_url = "" if runtime.port else url_of(runtime.kind, _environ(process))
    silent = not runtime.port and not environment_url
    return Process(
        process.pid,
        runtime,
        None,
        redact(argv),
        environment_url,
        containers.container_of(process.pid),
        tuple(sorted(set(_listening(process))))[:_MOST_PORTS] if silent else (),
    )


def _works_for_another(process: psutil.Process, runtime: Started) -> bool:
    """Return whether its parent is a runtime of the same kind: a fork keeps its parent's arguments."""
    try:
        parent = process.parent()
        above = started(parent.cmdline()) if parent else None
    except (psutil.Error, OSError):
        return False
    return above is not None and above.kind == runtime.kind


def _environ(process: psutil.Process) -> Mapping[str, str]:
    try:
        return process.environ()
    except (psutil.Error, OSError):  # another user's
        return {}


def _listening(process: psutil.Process) -> Iterator[int]:
    try:
        for each in (process, *process.children(recursive=True)):
            for connection in each.net_connections(kind="tcp"):
                if connection.status == psutil.CONN_LISTEN and connection.laddr:
                    yield connection.laddr.port
    except (psutil.Error, OSError):  # another user's
        return
