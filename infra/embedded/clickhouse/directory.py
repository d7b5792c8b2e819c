"""The data directory: ours alone, and on a disk that takes writes."""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from schemas.errors import ConfigError

LOCK_FILE = "penstock.lock"
# What must be free for a start: less would fail at the first insertion anyway.
PROBE_BYTES = 4 << 20

_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def owned(directory: Path) -> Iterator[None]:
    """Create the directory where it is missing, lock it, and try that it can be written.

    Raises:
        ConfigError: another process has it, or the disk is full or read-only.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        lock = os.open(directory / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as exc:
        raise _unusable(directory, exc) from exc
    try:
        _lock(directory, lock)
        _probe(directory)
        yield
    finally:
        os.close(lock)


def _lock(directory: Path, lock: int) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as exc:
        owner = os.pread(lock, 20, 0).decode("ascii", "replace").strip()
        raise ConfigError(
            f"the data directory {directory} is in use by another Penstock store "
            f"(process {owner or 'unknown'}); stop that one or set data_dir to another folder"
        ) from exc
    with suppress(OSError):
        # For people only: on a full disk the lock holds without it, and the probe says what is wrong.
        os.ftruncate(lock, 0)
        os.pwrite(lock, str(os.getpid()).encode(), 0)


def _probe(directory: Path) -> None:
    probe = directory / "penstock.probe"
    try:
        with probe.open("wb") as file:
            file.write(bytes(PROBE_BYTES))
            file.flush()
            os.fsync(file.fileno())
    except OSError as exc:
        raise _unusable(directory, exc) from exc
    finally:
        with suppress(OSError):
            probe.unlink()


def _unusable(directory: Path, exc: OSError) -> ConfigError:
    if exc.errno in _NO_SPACE:
        return ConfigError(
            f"the disk of the data directory {directory} is full ({exc.strerror}): free some space, "
            "or set data_dir to a folder on another disk"
        )
    return ConfigError(
        f"the data directory {directory} cannot be written ({exc.strerror}): "
        "make it writable or set data_dir to another folder"
    )
