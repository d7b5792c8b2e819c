"""Disks: free space beside the agent's data, bytes read and written on all disks; psutil."""

import time
from pathlib import Path

import psutil

from producers.node.rate import Rates
from producers.node.source import Blocking, Facts
from schemas.events.reading import NAN


class Disk:
    """``folder`` need not exist yet: its nearest parent that does is asked."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._rates = Rates()

    def read(self) -> Facts:
        """Return free bytes and rates; in a container without disks of its own there are no rates."""
        folder = next(path for path in (self._folder, *self._folder.parents) if path.exists())
        counters = psutil.disk_io_counters()
        totals = {
            "disk_read_bytes_per_s": float(counters.read_bytes) if counters else NAN,
            "disk_write_bytes_per_s": float(counters.write_bytes) if counters else NAN,
        }
        free = float(psutil.disk_usage(str(folder)).free)
        return Facts(host={"disk_free_bytes": free, **self._rates.per_second(time.monotonic(), totals)})


def source(folder: Path) -> Blocking:
    """Read every two seconds; a file system of the network may hang for long."""
    return Blocking("disk", Disk(folder.absolute()).read, period_s=2.0, timeout_s=5.0)
