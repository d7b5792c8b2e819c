"""Where a process comes from."""

import psutil

# Deeper trees there are none; a loop there cannot be, but /proc changes while it is read.
_DEEPEST = 32


def ancestors(pid: int) -> tuple[int, ...]:
    """Return the process ids of its parent, that one's parent, and so on; what is gone ends the row."""
    found: list[int] = []
    try:
        process = psutil.Process(pid)
        while len(found) < _DEEPEST and (parent := process.parent()) is not None:
            found.append(parent.pid)
            process = parent
    except (psutil.Error, OSError, ValueError):
        pass
    return tuple(found)
