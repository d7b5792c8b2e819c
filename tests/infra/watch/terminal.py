"""A program in a pseudo-terminal, and its screen as a person sees it."""

import fcntl
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pyte

from tests.fixtures.processes import wait_until

ROOT = Path(__file__).parents[3]


class Terminal:
    """One program on one terminal."""

    def __init__(
        self, arguments: Sequence[str], environment: Mapping[str, str], *, columns: int, lines: int
    ) -> None:
        self._ours, theirs = pty.openpty()
        self._screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self._screen)
        self._lock = threading.Lock()
        self.raw = b""
        self.resize(columns, lines)
        self.keyboard = termios.tcgetattr(theirs)
        self._theirs = theirs
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("PENSTOCK_") and name not in ("COLUMNS", "LINES", "NO_COLOR")
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "infra.cli.main", *arguments],
            cwd=ROOT,
            env=kept | {"TERM": "xterm-256color", "PYTHONPATH": str(ROOT)} | dict(environment),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    def resize(self, columns: int, lines: int) -> None:
        """Change the size, as a person who drags the window does."""
        with self._lock:
            fcntl.ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
            self._screen.resize(lines, columns)

    def press(self, keys: str) -> None:
        """Type."""
        os.write(self._ours, keys.encode())

    def lines(self) -> list[str]:
        """Return the screen, blanks at the ends of lines removed."""
        with self._lock:
            return [line.rstrip() for line in self._screen.display]

    def shows(self, *texts: str) -> bool:
        """Tell whether the screen has all of the texts."""
        seen = "\n".join(self.lines())
        return all(text in seen for text in texts)

    def until(self, holds: Callable[[], bool], what: str) -> None:
        """Wait until something holds; fail with the screen where it does not."""
        with suppress(AssertionError):
            wait_until(lambda: holds() or self.process.poll() is not None, deadline_s=30)
        assert holds(), f"{what}; the screen:\n" + "\n".join(self.lines())

    def until_shows(self, *texts: str) -> None:
        """Wait until the screen has all of the texts."""
        self.until(lambda: self.shows(*texts), f"never showed {texts}")

    def ended(self) -> int:
        """Wait for the end, and return the status."""
        return self.process.wait(30)

    def keyboard_is_as_before(self) -> bool:
        """Tell whether the terminal takes keys as it did before the program ran."""
        return bool(termios.tcgetattr(self._theirs)[3] == self.keyboard[3])

    def close(self) -> None:
        """End the program if it has not ended."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait(30)
        os.close(self._theirs)
        self._reading.join(10)
        os.close(self._ours)

    def _read(self) -> None:
        while True:
            try:
                seen = os.read(self._ours, 65536)
            except OSError:  # nobody has the other end any more
                return
            if not seen:
                return
            with self._lock:
                self.raw += seen
                self._stream.feed(seen)


@contextmanager
def terminal(
    *arguments: str, environment: Mapping[str, str], columns: int = 80, lines: int = 24
) -> Iterator[Terminal]:
    """Run ``penstock`` with these arguments on a terminal of its own."""
    found = Terminal(arguments, environment, columns=columns, lines=lines)
    try:
        yield found
    finally:
        found.close()
