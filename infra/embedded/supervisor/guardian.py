"""Kills the supervisor's process groups when the supervisor has ended without doing so, as by kill -9.

A process of its own, because nothing else is left to act then; it works on every system with process groups
and reaches grandchildren. It reads ``+<group>`` and ``-<group>`` lines from a pipe that only the supervisor
writes to; the pipe's end is the sign. It needs nothing but the standard library and is run by path, isolated,
so that it is up in 20 ms and takes 8 MB.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO


class Guardian:
    """The supervisor's end of the pipe."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe = pipe

    def watch(self, group: int) -> None:
        """Kill this group if the supervisor is gone."""
        self._tell(f"+{group}\n")

    def forget(self, group: int) -> None:
        """The group has ended; its number may soon be another's."""
        self._tell(f"-{group}\n")

    def _tell(self, line: str) -> None:
        with suppress(BrokenPipeError):  # someone killed it; on Linux the kernel does its work too
            self._pipe.write(line.encode())


@contextmanager
def guarded() -> Iterator[Guardian]:
    """Run a guardian for as long as the block lasts."""
    command = [sys.executable, "-I", "-S", __file__]
    with subprocess.Popen(command, stdin=subprocess.PIPE, bufsize=0, start_new_session=True) as process:
        if process.stdin is None:
            raise RuntimeError("the guardian has no pipe")
        yield Guardian(process.stdin)


def _main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        (groups.add if line[0] == "+" else groups.discard)(int(line[1:]))
    for group in groups:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    _main()
