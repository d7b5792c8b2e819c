"""A folder that a part keeps its data in: there, writable, with room, and no other's; or a clear error."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from schemas.errors import ConfigError

# Less than one segment of each log, and one merge of the store: nothing useful starts with less.
LEAST_FREE_BYTES = 256 << 20


def prepare(folder: Path, *, least_free_bytes: int = LEAST_FREE_BYTES) -> Path:
    """Make the folder, readable by its owner alone, and prove that it can be written.

    Raises:
        ConfigError: it cannot be, or its disk is nearly full.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        free = shutil.disk_usage(folder).free
        _write_probe(folder / f".probe-{os.getpid()}")
    except OSError as exc:
        raise ConfigError(
            f"the folder {folder} cannot be written: {exc.strerror}; make it writable, or set data_dir "
            "(PENSTOCK_DATA_DIR) to another"
        ) from exc
    if free < least_free_bytes:
        raise ConfigError(
            f"the disk of {folder} is nearly full: {free >> 20} MiB are free and "
            f"{least_free_bytes >> 20} MiB are needed; make room, or set data_dir "
            "(PENSTOCK_DATA_DIR) to another disk"
        )
    return folder


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Keep every other process from holding the folder; the kernel lets go when this one ends, however.

    Raises:
        ConfigError: another process holds it.
    """
    with (folder / ".lock").open("a+", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.seek(0)
            holder = lock.read().strip()
            who = f"process {holder}" if holder else "another process"
            raise ConfigError(
                f"{who} uses the folder {folder} already: stop it, or set data_dir "
                "(PENSTOCK_DATA_DIR) to another"
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def _write_probe(file: Path) -> None:
    try:
        with file.open("wb") as probe:
            probe.write(b"\0" * 4096)
            probe.flush()
            os.fsync(probe.fileno())
    finally:
        file.unlink(missing_ok=True)
