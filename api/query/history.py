"""The past of a node or of one of its accelerators: panes merged to any resolution, by ClickHouse.

Below a minute the panes themselves are read, from a minute on their rollups. A point is there only where a
pane is: gaps stay gaps.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import orjson

from api.query.plain import rfc3339
from api.sql.parameters import options
from api.store import Store
from schemas.codec.catalog import latest

Of = Literal["node", "gpu"]

DEFAULTS: Mapping[Of, tuple[str, ...]] = {
    "node": ("tokens_per_second", "power_w", "wes", "thermal_penalty", "cpu_ratio", "memory_used_bytes"),
    "gpu": ("utilization_ratio", "temperature_c", "power_w", "memory_used_bytes"),
}
_COUNTS: Mapping[Of, Mapping[str, tuple[str, ...]]] = {
    "node": {
        "inference": ("unknown", "idle", "idle_spd", "busy", "live"),
        "thermal": ("unknown", "normal", "fair", "serious", "critical"),
    },
    "gpu": {"thermal": ("unknown", "normal", "fair", "serious", "critical")},
}


@dataclass(frozen=True, slots=True)
class Range:
    """What part of the past: µs since the epoch, the end exclusive, and seconds between points."""

    first: int
    last: int
    resolution_s: int


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose past: a node, or one accelerator of it."""

    node_id: str
    gpu_id: str = ""

    @property
    def of(self) -> Of:
        """The kind of thing it is."""
        return "gpu" if self.gpu_id else "node"


@cache
def readings(of: Of) -> tuple[str, ...]:
    """Return the names of the readings that panes have statistics of."""
    fields = {field["name"]: field["type"] for field in latest("node_pane").schema["fields"]}
    if of == "gpu":
        return tuple(_statistics(fields["gpus"]["items"]["fields"]))
    return (*_statistics(latest("node_pane").schema["fields"]), *_statistics(fields["host"]["fields"]))


def _statistics(fields: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for field in fields:
        kind = field["type"]
        if "Statistic" in (kind, kind["name"] if isinstance(kind, dict) and "name" in kind else ""):
            yield field["name"]


def sql(subject: Subject, names: Sequence[str], resolution_s: int) -> str:
    """Return the query. ``names`` are from ``readings``; all else comes as parameters."""
    rolled = resolution_s >= 60
    table = (
        f"{subject.of}_rollup_{'1h' if resolution_s >= 3600 else '1m'}" if rolled else f"{subject.of}_panes"
    )
    columns = ["sum(samples)", *(f"sum({kind}_{state})" for kind, state in _states(subject.of))]
    for name in names:
        columns += _rolled(name) if rolled else _panes(name)
    gpu = " AND gpu_id = {gpu:String}" if subject.gpu_id else ""
    # The column is called like its source, so the source is named by its table.
    return (
        f"SELECT toUnixTimestamp64Micro(toDateTime64(toStartOfInterval(pane.started_at,"
        f" toIntervalSecond({resolution_s})), 6, 'UTC')) AS at, {', '.join(columns)} FROM {table} AS pane"
        " WHERE node_id = {node:String}"
        f"{gpu}"
        " AND pane.started_at >= fromUnixTimestamp64Micro({first:Int64}, 'UTC')"
        " AND pane.started_at < fromUnixTimestamp64Micro({last:Int64}, 'UTC')"
        " GROUP BY at ORDER BY at"
    )


async def read(store: Store, subject: Subject, names: Sequence[str], span: Range) -> list[dict[str, Any]]:
    """Return the points, oldest first; raises as ``Store.text``."""
    asked = options(
        {"node": subject.node_id, "gpu": subject.gpu_id, "first": span.first, "last": span.last}
        if subject.gpu_id
        else {"node": subject.node_id, "first": span.first, "last": span.last}
    )
    asked |= {"default_format": "JSONCompactEachRow", "output_format_json_quote_64bit_integers": "0"}
    lines = await store.text(sql(subject, names, span.resolution_s), asked)
    return [_point(orjson.loads(line), subject.of, names) for line in lines.splitlines()]


def _states(of: Of) -> list[tuple[str, str]]:
    return [(kind, state) for kind, states in _COUNTS[of].items() for state in states]


def _rolled(name: str) -> list[str]:
    n, total = f"sum({name}_n)", f"sum({name}_sum)"
    return [n, f"{total} / {n}", f"min({name}_min)", f"max({name}_max)"]


def _panes(name: str) -> list[str]:
    n = f"sum({name}.n)"
    return [n, f"sum({name}.n * {name}.mean) / {n}", f"min({name}.min)", f"max({name}.max)"]


def _point(row: list[Any], of: Of, names: Sequence[str]) -> dict[str, Any]:
    values = iter(row)
    point: dict[str, Any] = {"at": rfc3339(next(values)), "samples": next(values)}
    for kind, states in _COUNTS[of].items():
        point[kind] = {state: next(values) for state in states}
    for name in names:
        n, mean, least, most = (next(values) for _ in range(4))
        point[name] = {"n": n, "mean": mean, "min": least, "max": most} if n else None
    return point
