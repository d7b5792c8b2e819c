"""What the store and one query in it may use, from the machine's memory and the settings."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from schemas.settings.model import Settings

MEBIBYTE = 1 << 20
_CGROUP_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
_LEAST_SERVER_BYTES = 1024 * MEBIBYTE


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds in bytes, seconds, rows, and numbers of queries at once."""

    server_bytes: int
    write_query_bytes: int
    read_query_bytes: int
    read_query_s: float
    read_query_rows: int
    read_query_threads: int
    writers: int
    readers: int

    def server_options(self) -> Mapping[str, str]:
        """Return the engine's start arguments: bounded memory, caches that fit a shared machine."""
        return {
            "max_server_memory_usage": str(self.server_bytes),
            "mark_cache_size": str(min(256 * MEBIBYTE, self.server_bytes // 16)),
            "uncompressed_cache_size": "0",
            "background_pool_size": "4",
        }


def limits(settings: Settings) -> Limits:
    """Share the machine out.

    The store takes half of the memory. Readers together never reach half of that, so a hostile query cannot
    take the memory of the insertions; they have slots of their own for the same reason.
    """
    server = max(_LEAST_SERVER_BYTES, memory_bytes() // 2)
    readers = max(2, settings.embedded.clickhouse_handles // 2)
    return Limits(
        server_bytes=server,
        write_query_bytes=server * 4 // 5,
        read_query_bytes=min(settings.api.sql_max_memory_bytes, server // 2 // readers),
        read_query_s=settings.api.sql_max_seconds,
        read_query_rows=settings.api.sql_max_rows,
        read_query_threads=max(1, (os.cpu_count() or 1) // 2),
        writers=settings.embedded.clickhouse_handles,
        readers=readers,
    )


def memory_bytes() -> int:
    """Return the memory of the machine, or of the container where that is less."""
    total: int = psutil.virtual_memory().total
    for path in _CGROUP_LIMITS:
        try:
            text = path.read_text().strip()
        except OSError:
            continue
        if text.isdigit():
            total = min(total, int(text))
    return total
