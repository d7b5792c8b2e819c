"""An explanation as people read it: what was judged, against what, from which records; how to replay it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from infra.cli.asking.durations import short
from infra.cli.asking.finding_table import STYLES, clean
from infra.plot import braille
from infra.plot.tracks import marks, micros, span, tracks

_TALL, _LOW = 10, 5


def show(console: Console, found: Mapping[str, Any], replay: str) -> None:
    """Print an answer of ``/explain``; ``replay`` is the command that replays it."""
    where = found["node_id"] or f"fleet {found['fleet']}"
    severity = clean(found["severity"])
    console.print(
        Text.assemble(
            (clean(found["what"]), "bold"), f" at {clean(where)}: ", (severity, STYLES.get(severity, ""))
        )
    )
    console.print(Text(clean(found["text"])))
    for line in _heads(found):
        console.print(Text(line, style="dim"))
    if found["points"]:
        _plots(console, found)
    _section(console, "Held against", _evidence(found["evidence"]), found["evidence"])
    _section(console, "Thresholds", _limits(found), found["limits"])
    _section(console, "Told", _said(found["said"]), found["said"])
    title = (
        "Records"
        if found["recorded"]
        else "Records (of what follows from the facts, as a replay numbers them)"
    )
    _section(console, title, _facts(found["facts"]), found["facts"])
    _verdict(console, found)
    console.print(Text("\nReplay it", style="bold"))
    console.print(Text(replay), soft_wrap=True)


def _heads(found: Mapping[str, Any]) -> Iterator[str]:
    if found["about"]:
        yield clean(found["about"])
    lasted = ""
    if found["ended_at"]:
        lasted = f", ended {_time(found['ended_at'])} ({clean(found['ended_because'])})"
    opened = f", opened {_time(found['opened_at'])}" if found["opened_at"] else ""
    yield f"onset {_time(found['onset_at'])}{opened}{lasted}"
    window = f"window {found['window_s']} s, " if found["window_s"] else ""
    if found["limits"]:
        times = f"opens after {short(found['for_s'])}, ends after {short(found['clear_s'])}"
        yield f"{window}{times}; from {clean(found['source'])}"
    if found["members"]:
        yield f"members: {clean(', '.join(found['members']))}"
    if found["observations"]:
        yield f"observations: {clean(', '.join(one[:8] for one in found['observations']))}"


def _plots(console: Console, found: Mapping[str, Any]) -> None:
    since, until = span(found)
    width, moments = min(console.width, 120), marks(found)
    for number, track in enumerate(tracks(found)):
        limit = f", wrong if {track.comparison} the dashed line" if track.comparison else ""
        console.print(Text(f"\n{clean(track.title)}{limit}", style="bold"))
        for line in braille.chart(track, moments, since, until, (width, _LOW if number else _TALL)):
            console.print(line)
    signs = {True: ("▇", braille.BEYOND), False: ("·", braille.DIM), None: ("?", braille.DIM)}
    times = [(micros(point["at"]), point) for point in found["points"]]
    console.print(
        braille.strip("holds", [(at, *signs[point["holds"]]) for at, point in times], since, until, width)
    )
    opened = [(at, "▇" if point["open"] else " ", braille.LIMIT) for at, point in times]
    console.print(braille.strip("open", opened, since, until, width))
    for line in braille.axis(moments, since, until, width):
        console.print(line)


def _section(console: Console, title: str, table: Table, rows: Sequence[Any]) -> None:
    if rows:
        console.print(Text(f"\n{title}", style="bold"))
        console.print(table)


def _evidence(evidence: Sequence[Mapping[str, Any]]) -> Table:
    table = _table("measured", "of", "value when it opened", "threshold")
    for one in evidence:
        limit = f"{one['comparison']} {_number(one['threshold'], one['unit'])}" if one["comparison"] else ""
        _add(table, one["name"], one["subject"], _number(one["value"], one["unit"]), limit)
    return table


def _limits(found: Mapping[str, Any]) -> Table:
    table = _table("threshold", "value", "set by", "meaning")
    for one in found["limits"]:
        value = one["value"] if isinstance(one["value"], bool) else _number(one["value"], one["unit"])
        _add(table, one["name"], str(value), one["place"] or "default", one["doc"])
    return table


def _said(said: Sequence[Mapping[str, Any]]) -> Table:
    table = _table("at", "change", "why", "severity", "topic[partition] offset")
    for one in said:
        place = f"{one['topic']}[{one['partition']}] {one['offset']}"
        _add(table, _time(one["occurred_at"]), one["change"], one["reason"], one["severity"], place)
    return table


def _facts(facts: Sequence[Mapping[str, Any]]) -> Table:
    table = _table("what", "topic[partition]", "offsets", "records", "arrived")
    for one in facts:
        offsets = f"{one['first_offset']}..{one['last_offset']}"
        arrived = f"{_time(one['first_at'])[5:]}..{_time(one['last_at'])[11:]}"
        _add(table, one["what"], f"{one['topic']}[{one['partition']}]", offsets, str(one["records"]), arrived)
    return table


def _verdict(console: Console, found: Mapping[str, Any]) -> None:
    console.print()
    if found["agrees"]:
        console.print(Text("Judged again, it is told exactly as it was.", style="green"))
    for line in found["differences"]:
        console.print(Text(f"differs: {clean(line)}", style="red"))
    if found["rules_then"] and found["rules_then"] != found["rules_now"]:
        then, now = clean(found["rules_then"]), clean(found["rules_now"])
        text = f"The rules were others then ({then}; now {now}): the thresholds above are those of now."
        console.print(Text(text, style="yellow"))
    for line in found["missing"]:
        console.print(Text(f"missing: {clean(line)}", style="yellow"))


def _table(*headings: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for heading in headings:
        # As it is: brackets would be taken for a style.
        table.add_column(Text(heading), no_wrap=heading not in ("what", "meaning"), overflow="fold")
    return table


def _add(table: Table, *cells: str) -> None:
    table.add_row(*(Text(clean(cell)) for cell in cells))


def _number(value: float | None, unit: str) -> str:
    return "–" if value is None else f"{value:.6g} {unit}".strip()


def _time(rfc3339: str) -> str:
    return clean(rfc3339)[:19].replace("T", " ")
