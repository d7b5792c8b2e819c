"""What was so at a moment, as people read it: nodes, then what stood."""

from collections.abc import Mapping
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from infra.cli.asking.durations import short
from infra.cli.asking.finding_table import SHORT_ID, STYLES, clean, what, where

# A node that sends each second is not silent within this.
_NOT_SILENT_S = 15.0


def show(console: Console, found: Mapping[str, Any]) -> None:
    """Print an answer of ``/api/v1/as-of``."""
    t, known_at = _time(found["t"]), _time(found["known_at"])
    how = "as known then" if t == known_at else f"as known at {known_at}"
    console.print(Text.assemble((t, "bold"), f", {how}"))
    if found["nodes"]:
        console.print(_nodes(found))
    else:
        since = found["stored_since"]
        console.print(
            Text(f"no states of that time; the oldest are of {_time(since)}" if since else "no states")
        )
    for plural in ("observations", "alerts"):
        if found[plural]:
            console.print(Text(f"\n{plural.capitalize()}", style="bold"))
            console.print(_standing(found[plural]))
        else:
            console.print(Text(f"no {plural} stood", style="dim"))


def _nodes(found: Mapping[str, Any]) -> Table:
    table = _table("node", "state", "thermal", "hint", "tok/s", "W", "WES", "last heard of")
    for one in found["nodes"]:
        heard = "" if one["silent_s"] < _NOT_SILENT_S else f"{short(one['silent_s'])} before"
        if one["stopped_at"]:
            heard = f"stopped at {_time(one['stopped_at'])}"
        table.add_row(
            clean(one["node_id"]),
            clean(one["inference_state"]),
            clean(one["thermal_state"]),
            clean(one["routing_hint"]),
            *(_number(one[name]) for name in ("tokens_per_second", "power_w", "wes")),
            heard,
        )
    return table


def _standing(found: list[Mapping[str, Any]]) -> Table:
    table = _table("id", "state", "severity", "since", "where", "what")
    for one in found:
        severity = clean(one["severity"])
        told = "" if one["told"] else f" (told only at {_time(one['told_at'])})"
        table.add_row(
            clean(one["id"])[:SHORT_ID],
            clean(one["state"]),
            Text(severity, style=STYLES.get(severity, "")),
            short(one["duration_s"]),
            clean(where(one)),
            Text(f"{clean(what(one))}: {clean(one['text'])}{told}"),
        )
    return table


def _table(*headings: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for heading in headings:
        table.add_column(heading, no_wrap=heading != "what", overflow="fold")
    return table


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"


def _time(rfc3339: str) -> str:
    return clean(rfc3339)[:19].replace("T", " ")
