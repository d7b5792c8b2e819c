"""One run of one part: its process, its group, its output."""

import asyncio
import os
import signal
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from infra.embedded.orphans import bound
from infra.embedded.supervisor import pipe
from infra.embedded.supervisor.guardian import Guardian
from infra.embedded.supervisor.part import Part
from infra.embedded.supervisor.pipe import Pipe

OnLine = Callable[[str, str], None]
# What is left of a group that was killed goes within milliseconds; a zombie without a reaper stays.
GROUP_ENDS_WITHIN_S = 5.0


class Child:
    """A started process, leader of a session and group of its own, so that Ctrl-C reaches us alone."""

    def __init__(
        self, process: asyncio.subprocess.Process, output: Pipe, on_line: Callable[[str], None]
    ) -> None:
        self._process = process
        self._last: deque[str] = deque(maxlen=5)
        self._relaying = asyncio.create_task(self._relay(output, on_line))

    @property
    def pid(self) -> int:
        """The process, and its group."""
        return self._process.pid

    @property
    def last_lines(self) -> tuple[str, ...]:
        """What it printed last."""
        return tuple(self._last)

    async def ended(self, guardian: Guardian) -> int:
        """Wait for its end, then kill what it left behind; return the exit code, negative for a signal."""
        code = await self._process.wait()
        await _end_group(self.pid)
        guardian.forget(self.pid)
        await asyncio.wait((self._relaying,), timeout=GROUP_ENDS_WITHIN_S)
        self._relaying.cancel()  # something outside the group holds the pipe; what the part said has come
        return code

    async def stop(self, within_s: float, force: asyncio.Event, guardian: Guardian) -> None:
        """Ask it to end with SIGTERM; after ``within_s``, or at once when forced, kill its group."""
        end = asyncio.create_task(self.ended(guardian))
        forced = asyncio.create_task(force.wait())
        with suppress(ProcessLookupError):
            self._process.terminate()
        await asyncio.wait((end, forced), timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
        forced.cancel()
        if not end.done():
            self.kill()
        await end

    def kill(self) -> None:
        """Kill the group at once."""
        _kill_group(self.pid)

    async def _relay(self, output: Pipe, on_line: Callable[[str], None]) -> None:
        async for line in output.lines():
            self._last.append(line)
            on_line(line)


async def start(part: Part, on_line: OnLine, guardian: Guardian) -> Child:
    """Start a part.

    Raises:
        OSError: its program cannot be run; on Linux it ends with exit code 2 instead.
    """
    output = await pipe.opened()
    try:
        process = await asyncio.create_subprocess_exec(
            *bound(part.argv),
            env=os.environ | dict(part.env),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output.entrance,
            stderr=output.entrance,
            start_new_session=True,
        )
    except BaseException:
        output.close()
        raise
    finally:
        output.let_go()
    guardian.watch(process.pid)
    return Child(process, output, lambda line: on_line(part.name, line))


async def _end_group(group: int) -> None:
    loop = asyncio.get_running_loop()
    end = loop.time() + GROUP_ENDS_WITHIN_S
    while _kill_group(group) and loop.time() < end:
        await asyncio.sleep(0.01)


def _kill_group(group: int) -> bool:
    """Kill a group; say whether it was there."""
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):  # macOS says the latter of a group of zombies
        return False
    return True
