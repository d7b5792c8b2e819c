"""How long ``penstock up`` takes to this machine's first row in ClickHouse."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from infra.bench.stack import apart
from infra.bench.table import Table
from infra.bench.whole import up


def run() -> Table:
    """Start it three times: with nothing at hand, with Kafka downloaded, and again on that data."""
    with tempfile.TemporaryDirectory(prefix="penstock-bench-", ignore_cleanup_errors=True) as folder:
        cold, warm, cache = (Path(folder) / name for name in ("cold", "warm", "cache"))
        rows = (
            _start("nothing at hand: Kafka is downloaded", cold, cache),
            _start("Kafka at hand, no data", warm, cache),
            _start("again, on that data", warm, cache),
        )
    return Table(
        "From `penstock up` to the first row",
        ("start", "all parts ready, s", "first row in ClickHouse, s"),
        rows,
        "The row is a state of this machine: sampled, through Kafka, the node stage, Kafka and the sink.",
    )


def _start(what: str, data: Path, cache: Path) -> Sequence[object]:
    environment = apart(data) | {"XDG_CACHE_HOME": str(cache)}
    with up(environment) as started:
        return (what, started.up_s, started.first_row_s)
