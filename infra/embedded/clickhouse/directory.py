"""The data directory belongs to one process."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from infra.embedded import folder
from infra.embedded.clickhouse.failure import NOT_ENOUGH_SPACE, refusal
from schemas.errors import ConfigError

LOCK_FILE = "penstock.lock"


def require_space(directory: Path, least_free_bytes: int = folder.LEAST_FREE_BYTES) -> None:
    """Stop insertions while the disk still has room.

    chDB 26.9 acknowledges an insertion whose file it could not write to its end (tried with a disk
    filled in the middle of one), and ignores ``min_free_disk_bytes_to_perform_insert``: that must not
    come to pass.

    Raises:
        ClickHouseError: less is free.
    """
    free = shutil.disk_usage(directory).free
    if free < least_free_bytes:
        raise refusal(
            NOT_ENOUGH_SPACE,
            "NOT_ENOUGH_SPACE",
            f"The disk of {directory} is nearly full: {free >> 20} MiB are free and insertions need "
            f"{least_free_bytes >> 20} MiB; make room, or set data_dir (PENSTOCK_DATA_DIR) to another disk",
        )


@contextmanager
def owned(directory: Path) -> Iterator[None]:
    """Prepare the directory and hold it until the end of the block; a process that dies lets it go.

    Raises:
        ConfigError: another process has it, or its disk is full or cannot be written.
    """
    folder.prepare(directory)
    lock = os.open(directory / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _take(directory, lock)
        yield
    finally:
        os.close(lock)


def _take(directory: Path, lock: int) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as exc:
        owner = os.pread(lock, 20, 0).decode("ascii", "replace") or "unknown"
        raise ConfigError(
            f"the data directory {directory} is in use by another Penstock store (process {owner}): "
            "stop that one, or set data_dir (PENSTOCK_DATA_DIR) to another folder"
        ) from exc
    # The number is for people alone; the lock holds without it.
    with suppress(OSError):
        os.ftruncate(lock, 0)
        os.pwrite(lock, str(os.getpid()).encode(), 0)
