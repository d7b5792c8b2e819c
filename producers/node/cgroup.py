"""Limits of the control group the agent runs in, versions 1 and 2. They count in a container alone.

Under systemd the agent may be in a small group of its own on a large machine; there the machine counts.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

ROOT = Path("/sys/fs/cgroup")
# Version 1 writes "no limit" as the largest page-aligned number.
_UNLIMITED = 1 << 60


class Used(NamedTuple):
    """Bytes that may be used, and bytes in use that cannot be reclaimed at once."""

    limit_bytes: float
    used_bytes: float


class MemoryLimit:
    """Reads the memory limit as seen from inside a container."""

    def __init__(self, root: Path = ROOT) -> None:
        self._root = root

    def read(self) -> Used | None:
        """Return limit and use; none where there is no limit."""
        if (self._root / "memory.max").exists():
            return self._used(self._root, "memory.max", "memory.current", "inactive_file")
        return self._used(
            self._root / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"
        )

    def _used(self, folder: Path, limit: str, usage: str, reclaimable: str) -> Used | None:
        most, now = _number(folder / limit), _number(folder / usage)
        if most is None or now is None or most >= _UNLIMITED:
            return None
        return Used(most, max(0.0, now - _statistic(folder / "memory.stat", reclaimable)))


def cpu_used_s(root: Path = ROOT) -> float | None:
    """Return the CPU seconds that the group used since it was made; none where it is not told."""
    microseconds = _statistic(root / "cpu.stat", "usage_usec")
    if microseconds > 0:
        return microseconds / 1e6
    nanoseconds = _number(root / "cpuacct" / "cpuacct.usage")
    return None if nanoseconds is None else nanoseconds / 1e9


def cpu_limit(root: Path = ROOT) -> float | None:
    """Return how many CPUs the group may use; none where there is no limit."""
    try:
        quota, period = (root / "cpu.max").read_text("ascii").split()
    except (OSError, ValueError):
        found, length = _number(root / "cpu/cpu.cfs_quota_us"), _number(root / "cpu/cpu.cfs_period_us")
        return found / length if found and length and found > 0 else None
    return None if quota == "max" else int(quota) / int(period)


def container(environ: Mapping[str, str] = os.environ, root: Path = Path("/")) -> str:
    """Return the container technology the agent runs in; empty: none seen."""
    if "KUBERNETES_SERVICE_HOST" in environ:
        return "kubernetes"
    if (root / ".dockerenv").exists():
        return "docker"
    if (root / "run/.containerenv").exists():
        return "podman"
    return environ.get("container", "")


def _number(path: Path) -> float | None:
    try:
        return float(path.read_text("ascii"))
    except (OSError, ValueError):
        return None


def _statistic(path: Path, name: str) -> float:
    try:
        for line in path.read_text("ascii").splitlines():
            key, _, value = line.partition(" ")
            if key == name:
                return float(value)
    except (OSError, ValueError):
        pass
    return 0.0
