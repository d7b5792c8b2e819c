"""A bounded queue of byte records on disk, for what cannot be sent yet.

Segment files hold frames: length, CRC-32 and payload. A kill at any byte loses nothing that ``append``
returned for: a torn last frame is cut off and counted when the spool is opened. ``acknowledge`` moves a small
cursor; after a kill between sending and acknowledging, records come again (at least once, in order). A power
cut may lose what the operating system had not written yet.

Above the limit the oldest segment goes, whole, and its records are counted as dropped. One process at a time
may use a folder; within it one caller at a time.
"""

import os
import struct
import zlib
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from producers.spool_folder import Cursor, SpoolFolder

_FRAME = struct.Struct(">II")
# No event is larger than 1 MiB; a longer frame is damage.
RECORD_LIMIT_BYTES = (1 << 20) + (1 << 16)
SEGMENT_BYTES = 8 << 20
LEAST_SEGMENT_BYTES = 1 << 16
_READ_BYTES = 1 << 18


class Batch(NamedTuple):
    """Records in order, all of one segment; ``end`` is where the next one begins."""

    records: tuple[bytes, ...]
    segment: int
    end: int


@dataclass(slots=True)
class _Segment:
    number: int
    path: Path
    start: int  # the first byte that is not acknowledged
    size: int  # the end of the last whole frame
    records: int  # that wait

    @property
    def pending_bytes(self) -> int:
        return self.size - self.start


class Spool:
    """See the module. Sizes are bytes; ``open`` and ``append`` raise OSError where the disk refuses."""

    def __init__(self, folder: Path, limit_bytes: int) -> None:
        self._folder = SpoolFolder(folder)
        self._limit_bytes = limit_bytes
        self._segment_bytes = max(LEAST_SEGMENT_BYTES, min(SEGMENT_BYTES, limit_bytes // 16))
        self._segments: deque[_Segment] = deque()
        self._active: int | None = None  # file descriptor of the last segment, while it grows
        self._number = 0
        self._opened = False
        self.dropped_total = 0
        self.torn_total = 0

    @property
    def records(self) -> int:
        """Records that wait."""
        return sum(segment.records for segment in self._segments)

    @property
    def pending_bytes(self) -> int:
        """Bytes that wait."""
        return sum(segment.pending_bytes for segment in self._segments)

    def open(self) -> None:
        """Read what an earlier run left.

        Raises:
            ConfigError: another process uses the folder.
            OSError: the folder cannot be made or read.
        """
        if self._opened:
            return
        self._folder.open()
        cursor = self._folder.read_cursor()
        for number, path in self._folder.segments():
            self._number = max(self._number, number)
            start = cursor.offset if cursor and cursor.segment == number else 0
            self._adopt(number, path, start)
        # A number is never used twice: a stale cursor must not point into a new segment.
        self._number = max(self._number, cursor.segment if cursor else 0)
        self._opened = True

    def append(self, record: bytes) -> None:
        """Put a record behind all others; above the limit the oldest segments go.

        Raises:
            OSError: the disk is full, read-only or broken; nothing was appended.
        """
        self.open()
        frame = _FRAME.pack(len(record), zlib.crc32(record)) + record
        self._make_room(len(frame))
        segment = self._segments[-1] if self._active is not None else None
        if segment is None or segment.size + len(frame) > self._segment_bytes:
            segment = self._roll()
        self._write(frame, segment)
        segment.size += len(frame)
        segment.records += 1

    def peek(self, limit_records: int = 1000) -> Batch:
        """Return the oldest records without removing them; an empty batch where none wait."""
        while self._segments:
            head = self._segments[0]
            records, end = self._read(head, limit_records)
            if records:
                return Batch(records, head.number, end)
            # Nothing whole is left: damaged after it was written.
            self.torn_total += bool(head.records)
            self.dropped_total += head.records
            self._remove_head()
        return Batch((), 0, 0)

    def acknowledge(self, batch: Batch) -> None:
        """Forget a batch from ``peek``; one that was dropped meanwhile is no longer there to forget."""
        head = self._segments[0] if self._segments else None
        if head is None or head.number != batch.segment:
            return
        head.start = batch.end
        head.records = max(0, head.records - len(batch.records))
        if head.start >= head.size:
            self._remove_head()
        else:
            self._folder.write_cursor(Cursor(head.number, head.start))

    def close(self) -> None:
        """Let go of the folder; what waits stays on disk."""
        self._close_active()
        self._folder.close()
        self._segments.clear()
        self._opened = False

    def _adopt(self, number: int, path: Path, start: int) -> None:
        try:
            content = path.read_bytes()
        except OSError:
            self.torn_total += 1
            return
        if start > len(content):
            start = 0
        ends = [end for _, end in _frames(content, start)]
        size = ends[-1] if ends else start
        if size < len(content):
            self.torn_total += 1
            self._folder.truncate(path, size)
        if ends:
            self._segments.append(_Segment(number, path, start, size, len(ends)))
        else:
            self._folder.remove(path)

    def _make_room(self, size: int) -> None:
        while self._segments and sum(segment.size for segment in self._segments) + size > self._limit_bytes:
            self.dropped_total += self._segments[0].records
            self._remove_head()

    def _roll(self) -> _Segment:
        self._close_active()
        number = self._number + 1
        path, self._active = self._folder.create(number)
        self._number = number
        self._segments.append(_Segment(number, path, 0, 0, 0))
        return self._segments[-1]

    def _write(self, frame: bytes, segment: _Segment) -> None:
        assert self._active is not None
        try:
            written = os.write(self._active, frame)
            if written < len(frame):
                raise OSError(f"only {written} of {len(frame)} bytes fit on the disk")
        except OSError:
            self._take_back(segment)
            raise

    def _take_back(self, segment: _Segment) -> None:
        """Cut off half a frame; where that fails too, the next append begins a new segment."""
        assert self._active is not None
        try:
            os.ftruncate(self._active, segment.size)
        except OSError:
            self._close_active()
        if not segment.size and segment is self._segments[-1]:
            self._close_active()
            self._segments.pop()
            self._folder.remove(segment.path)

    def _read(self, head: _Segment, limit_records: int) -> tuple[tuple[bytes, ...], int]:
        wanted = min(head.pending_bytes, _READ_BYTES)
        content = self._folder.read(head.path, head.start, wanted)
        frames = list(_frames(content, 0))[:limit_records]
        if not frames and wanted < head.pending_bytes:  # one frame is larger than a usual read
            content = self._folder.read(head.path, head.start, RECORD_LIMIT_BYTES + _FRAME.size)
            frames = list(_frames(content, 0))[:1]
        end = head.start + (frames[-1][1] if frames else 0)
        return tuple(record for record, _ in frames), end

    def _remove_head(self) -> None:
        head = self._segments.popleft()
        if not self._segments:
            self._close_active()
        self._folder.remove(head.path)

    def _close_active(self) -> None:
        if self._active is not None:
            os.close(self._active)
            self._active = None


def _frames(content: bytes, position: int) -> Iterator[tuple[bytes, int]]:
    """Yield each whole record and where it ends, up to the first that is torn or damaged."""
    while position + _FRAME.size <= len(content):
        length, checksum = _FRAME.unpack_from(content, position)
        begin = position + _FRAME.size
        position = begin + length
        # Length 0 is what a file looks like that grew before its bytes reached the disk.
        if not 0 < length <= RECORD_LIMIT_BYTES or position > len(content):
            return
        record = content[begin:position]
        if zlib.crc32(record) != checksum:
            return
        yield record, position
