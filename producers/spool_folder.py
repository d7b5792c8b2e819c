"""The files of a spool: segments, the cursor that says what was acknowledged, and the lock."""

import contextlib
import os
import struct
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from schemas.errors import ConfigError

_CURSOR = struct.Struct(">QQ")
_CHECK = struct.Struct(">I")
_SUFFIX = ".spool"


class Cursor(NamedTuple):
    """The first byte of a segment that is not acknowledged."""

    segment: int
    offset: int


class SpoolFolder:
    """A folder that one process at a time works in."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock: int | None = None

    def open(self) -> None:
        """Make the folder where it is missing, and lock it; the kernel unlocks it when the process ends.

        Raises:
            ConfigError: another process uses it.
            OSError: it cannot be made or written.
        """
        if self._lock is not None:
            return
        self._path.mkdir(parents=True, exist_ok=True)
        lock = os.open(self._path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            _lock(lock, self._path)
        except BaseException:
            os.close(lock)
            raise
        self._lock = lock

    def close(self) -> None:
        """Unlock."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def segments(self) -> Iterator[tuple[int, Path]]:
        """Yield number and path of each segment, oldest first."""
        for path in sorted(self._path.glob(f"*{_SUFFIX}")):
            if path.stem.isdigit():
                yield int(path.stem), path

    def create(self, number: int) -> tuple[Path, int]:
        """Create a segment and return its path and a descriptor that appends to it."""
        path = self._path / f"{number:020d}{_SUFFIX}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        return path, os.open(path, flags, 0o600)

    def read(self, path: Path, offset: int, size: int) -> bytes:
        """Return so many bytes, or fewer at the end; nothing where the file cannot be read."""
        try:
            with path.open("rb") as file:
                file.seek(offset)
                return file.read(size)
        except OSError:
            return b""

    def truncate(self, path: Path, size: int) -> None:
        """Cut a file; where that is refused the reader stops at the damage all the same."""
        with contextlib.suppress(OSError):
            os.truncate(path, size)

    def remove(self, path: Path) -> None:
        """Delete a segment; one that stays on a broken disk is read again by the next run."""
        with contextlib.suppress(OSError):
            path.unlink()

    def read_cursor(self) -> Cursor | None:
        """Return the cursor; none where it is missing or damaged, and then records come again."""
        try:
            content = (self._path / "cursor").read_bytes()
        except OSError:
            return None
        body = content[: _CURSOR.size]
        if (
            len(content) != _CURSOR.size + _CHECK.size
            or _CHECK.pack(zlib.crc32(body)) != content[_CURSOR.size :]
        ):
            return None
        return Cursor(*_CURSOR.unpack(body))

    def write_cursor(self, cursor: Cursor) -> None:
        """Write in place: a full disk has room for bytes that replace others."""
        body = _CURSOR.pack(*cursor)
        with contextlib.suppress(OSError):
            file = os.open(self._path / "cursor", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.write(file, body + _CHECK.pack(zlib.crc32(body)))
            finally:
                os.close(file)


def _lock(file: int, path: Path) -> None:
    if sys.platform == "win32":
        return
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as exc:
        raise ConfigError(
            f"another process writes to {path}: stop it, or give this one its own setting data_dir"
        ) from exc
