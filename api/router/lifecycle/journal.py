"""The journal: every fact is in it before it is sent, and stays until it is no longer in memory alone.

So whoever starts after a kill -9 knows which facts may not have arrived, and which requests were open::

    segment 7          segment 8                      segment 9 (grows)
    ── received a ──   ── received b, finished b ──   ── will of a, received c ──
                       goes when b's facts arrived    a's first facts need segment 7 no more

A request that stays open for long has its will, what its end would be, written again in a later segment, so
that old segments can go. One process at a time may use a folder.
"""

import contextlib
import os
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from api.router.lifecycle.lock import locked
from api.router.lifecycle.records import CONTINUED, FRESH, WILL, Entry, frame

SEGMENT_BYTES = 4 << 20
_SUFFIX = ".journal"


@dataclass(slots=True)
class _Segment:
    number: int
    path: Path
    size: int = 0
    end: int = 0  # the number behind its last fact


class Journal:
    """One caller at a time. Calls wait for the disk; all but ``trim`` raise OSError where it refuses."""

    def __init__(self, folder: Path, segment_bytes: int = SEGMENT_BYTES) -> None:
        self._folder = folder
        self._segment_bytes = segment_bytes
        self._segments: deque[_Segment] = deque()
        self._number = 0
        self._file: int | None = None
        self._lock: int | None = None
        self._next = 0

    @property
    def segment(self) -> int:
        """The segment that grows."""
        return self._number

    @property
    def size_bytes(self) -> int:
        """Bytes on disk."""
        return sum(segment.size for segment in self._segments)

    def open(self) -> Sequence[bytes]:
        """Lock the folder, and return the segments that an earlier run left, the oldest first.

        Raises:
            ConfigError: another router uses the folder.
            OSError: it cannot be made or read.
        """
        self._lock = locked(self._folder / "journal.lock")
        found = sorted(self._paths())
        self._segments = deque(_Segment(number, path, path.stat().st_size) for number, path in found)
        self._number = found[-1][0] if found else 0
        return [path.read_bytes() for _, path in found]

    def begin(self, entries: Sequence[Entry], at_us: int) -> None:
        """Begin this run with what the runs before left to tell; their segments go."""
        before = list(self._segments)
        self._next = len(entries)
        self._roll()
        self._write(frame(FRESH, 0, at_us, 0, entries))
        for segment in before:
            self._remove(segment)

    def append(self, entries: Sequence[Entry], settled: int, at_us: int, *, sync: bool = True) -> None:
        """Write facts down, together; ``settled`` of this run's facts are not in memory alone any more.

        Facts that the disk refuses are numbered all the same: they are sent without having been written.
        """
        first = self._next
        self._next += sum(1 for entry in entries if entry.kind != WILL)
        if self._file is None or self._segments[-1].size >= self._segment_bytes:
            self._roll()
        self._write(frame(CONTINUED, settled, at_us, first, entries), sync=sync)

    def trim(self, settled: int, oldest: int | None) -> None:
        """Remove segments whose facts are settled, and that no open request needs: none before ``oldest``."""
        while len(self._segments) > 1:
            head = self._segments[0]
            if head.end > settled or (oldest is not None and oldest <= head.number):
                return
            self._remove(head)

    def clear(self) -> None:
        """Forget everything: all has been told."""
        self._close_file()
        for segment in list(self._segments):
            self._remove(segment)

    def close(self) -> None:
        """Let go of the folder; what is in it stays."""
        self._close_file()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _paths(self) -> Iterator[tuple[int, Path]]:
        for path in self._folder.glob(f"*{_SUFFIX}"):
            if path.stem.isdigit():
                yield int(path.stem), path

    def _roll(self) -> None:
        self._close_file()
        number = self._number + 1
        path = self._folder / f"{number:020d}{_SUFFIX}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        self._file = os.open(path, flags, 0o600)
        self._number = number
        self._segments.append(_Segment(number, path, end=self._next))

    def _write(self, content: bytes, *, sync: bool = True) -> None:
        assert self._file is not None
        segment = self._segments[-1]
        try:
            written = os.write(self._file, content)
            if written < len(content):
                raise OSError(f"only {written} of {len(content)} bytes fit on the disk")
            if sync:
                os.fdatasync(self._file)
        except OSError:
            # Half a batch would hide those behind it: the next one goes into a segment of its own.
            self._close_file()
            raise
        segment.size += len(content)
        segment.end = self._next

    def _remove(self, segment: _Segment) -> None:
        if segment in self._segments:
            self._segments.remove(segment)
        with contextlib.suppress(OSError):
            segment.path.unlink()

    def _close_file(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None
