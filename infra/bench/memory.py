"""Resident memory of each part of ``penstock up``."""

import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil

from infra.bench.stack import apart
from infra.bench.table import Table
from infra.bench.whole import up

# Long enough for panes, rollups and the JVM's first collections.
SETTLE_S = 60.0
MB = 1e6


def run() -> Table:
    """Measure after a minute of one node."""
    temporary = tempfile.TemporaryDirectory(prefix="penstock-bench-", ignore_cleanup_errors=True)
    with temporary as folder, up(apart(Path(folder))) as started:
        time.sleep(SETTLE_S)
        rows = list(_rows(psutil.Process(started.process.pid)))
    total = ("all", *(round(sum(column)) for column in zip(*(row[1:] for row in rows), strict=True)))
    return Table(
        "Memory of the whole stack",
        ("part", "resident, MB", "its own, MB"),
        [*rows, total],
        f"One node, {SETTLE_S:.0f} s after the first row. What parts share is resident in each.",
    )


def _rows(root: psutil.Process) -> Iterator[tuple[str, int, int]]:
    yield _row("up", [root])
    for child in root.children():
        yield _row(_name(child), [child, *child.children(recursive=True)])


def _row(name: str, processes: Sequence[psutil.Process]) -> tuple[str, int, int]:
    found = [process.memory_full_info() for process in processes]
    return (name, round(sum(each.rss for each in found) / MB), round(sum(each.uss for each in found) / MB))


def _name(process: psutil.Process) -> str:
    command = process.cmdline()
    return command[-1] if "infra.cli.main" in command else "guardian"
