"""A folder is one router's at a time."""

import fcntl
import os
from pathlib import Path

from schemas.errors import ConfigError


def locked(file: Path) -> int:
    """Return a descriptor that holds the lock of a file until it is closed, or its process ends.

    Raises:
        ConfigError: another process holds it.
        OSError: the file cannot be made.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    lock = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as exc:
        os.close(lock)
        raise ConfigError(
            f"another router writes to {file.parent}: stop it, or give this one its own setting router.id"
        ) from exc
    return lock
