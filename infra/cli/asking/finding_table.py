"""Observations and alerts as people read them: a list, and one with its evidence and history."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from infra.cli.asking.durations import short, since

STYLES: Mapping[str, str] = {"critical": "bold red", "warning": "yellow", "info": "cyan"}
SHORT_ID = 8


def clean(value: object) -> str:
    """Return a text on one line, without what a terminal would obey."""
    return "".join(char if char.isprintable() else "�" for char in str("" if value is None else value))


def show_list(
    console: Console, found: Sequence[Mapping[str, Any]], now: datetime, *, more: bool, plural: str
) -> None:
    """Print a list, newest onset first."""
    if not found:
        console.print(Text(f"no {plural}"))
        return
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for heading in ("id", "state", "severity", "since", "where", "what"):
        table.add_column(heading, no_wrap=heading != "what", overflow="fold")
    for one in found:
        severity = clean(one["severity"])
        table.add_row(
            clean(one["id"])[:SHORT_ID],
            clean(one["state"]),
            Text(severity, style=STYLES.get(severity, "")),
            since(one["onset_at"], now),
            clean(where(one)),
            Text(f"{clean(what(one))}: {clean(one['text'])}"),
        )
    console.print(table)
    if more:
        console.print(Text(f"there are more {plural}: --limit", style="dim"))


def show_one(console: Console, one: Mapping[str, Any], now: datetime) -> None:
    """Print one with its evidence and its history."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in _facts(one, now):
        grid.add_row(name, Text(clean(value), style=STYLES.get(value, "") if name == "severity" else ""))
    parts: list[RenderableType] = [grid]
    if one["evidence"]:
        parts += [Text("\nEvidence", style="bold"), _evidence(one["evidence"])]
    if one.get("history"):
        parts += [Text("\nHistory", style="bold"), _history(one["history"])]
    if one.get("history_complete") is False:
        parts.append(Text("some events are missing: the store did not answer", style="dim"))
    console.print(Group(*parts))


def what(one: Mapping[str, Any]) -> str:
    """Return the pattern, or the alert."""
    return str(one.get("pattern") or one.get("alert") or "")


def where(one: Mapping[str, Any]) -> str:
    """Return the node, or the fleet where it is about several."""
    return str(one["node_id"] or one["fleet"])


def _facts(one: Mapping[str, Any], now: datetime) -> Iterator[tuple[str, str]]:
    yield "id", one["id"]
    yield "what", what(one)
    yield "where", f"{one['node_id'] or 'several nodes'}, fleet {one['fleet']}"
    if one.get("members"):
        yield "members", ", ".join(one["members"])
    yield "state", one["state"]
    yield "severity", one["severity"]
    yield "text", one["text"]
    yield "to do", one["recommendation"]
    yield "since", f"{one['onset_at']} ({since(one['onset_at'], now)} ago)"
    if one["ended_at"]:
        yield "ended", f"{one['ended_at']} ({one['reason']}), after {short(one['duration_s'] or 0)}"
    yield "confidence", f"{one['confidence'] or 0:.0%}"
    if one["acknowledged_by"]:
        until = one["acknowledged_until"] or "it is over"
        yield "seen by", f"{one['acknowledged_by']}, until {until}"
    if one["dismissed_until"]:
        yield "dismissed", f"until {one['dismissed_until']}"


def _evidence(evidence: Sequence[Mapping[str, Any]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for heading in ("measured", "of", "value", "limit"):
        table.add_column(heading, overflow="fold")
    for one in evidence:
        limit = f"{one['comparison']} {_number(one['threshold'], one['unit'])}" if one["comparison"] else ""
        cells = (one["name"], one["subject"], _number(one["value"], one["unit"]), limit)
        table.add_row(*(Text(clean(cell)) for cell in cells))
    return table


def _history(events: Sequence[Mapping[str, Any]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for heading in ("at", "change", "why", "severity", "text"):
        table.add_column(heading, no_wrap=heading != "text", overflow="fold")
    for event in events:
        at = clean(event["occurred_at"])[:19].replace("T", " ")
        cells = (event["change"], event["reason"], event["severity"], event["text"])
        table.add_row(at, *(Text(clean(cell)) for cell in cells))
    return table


def _number(value: float | None, unit: str) -> str:
    return "–" if value is None else f"{value:.6g} {unit}".strip()
