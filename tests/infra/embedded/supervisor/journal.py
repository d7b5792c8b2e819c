"""What parts under test wrote down, and the parts themselves."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from infra.embedded.supervisor import Part

PROGRAM = Path(__file__).with_name("program.py")


@dataclass(frozen=True, slots=True)
class Journal:
    """The file that the parts of one test write to."""

    file: Path

    def part(self, name: str, behaviour: str = "run", **more: Any) -> Part:
        """Return a part that behaves so, ready once it has written that it started."""
        argv = (sys.executable, str(PROGRAM), str(self.file), name, behaviour)
        return Part(name, argv, **{"ready": self._has_started(name)} | more)

    def names(self, what: str) -> list[str]:
        """Return to whom this happened, in order."""
        return [name for kind, name, _ in self._lines() if kind == what]

    def alive(self) -> list[psutil.Process]:
        """Return the processes of the test that run."""
        return [process for _, _, pid in self._lines() if (process := _process(int(pid)))]

    def _lines(self) -> list[list[str]]:
        return [line.split() for line in self.file.read_text().splitlines()] if self.file.exists() else []

    def _has_started(self, name: str) -> Callable[[], Awaitable[bool]]:
        async def ask() -> bool:
            return name in self.names("started")

        return ask


def _process(pid: int) -> psutil.Process | None:
    try:
        found = psutil.Process(pid)
        ours = str(PROGRAM) in " ".join(found.cmdline())
    except psutil.NoSuchProcess:
        return None
    return found if ours and found.status() != psutil.STATUS_ZOMBIE else None


async def until(condition: Callable[[], object], deadline_s: float = 30.0) -> None:
    """Wait for a condition, no longer than the deadline."""
    async with asyncio.timeout(deadline_s):
        while not condition():
            await asyncio.sleep(0.02)
