"""How the queue looks on a screen."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

NONE = "-"
_CAUSES = {
    "no_upstream": "no upstream has {}",
    "model_cap": "all places of {} are taken",
    "budget": "next in pool {}, which is full",
    "reserved": "the pool is kept for {}",
    "exclusive": "{} has the pool",
    "hand_off": "pool {} is being emptied for another",
    "key_in_flight": "its key has enough in flight",
    "key_budget": "its key has used up its tokens",
    "turn": "others are ahead",
}


def view(status: Mapping[str, Any]) -> RenderableType:
    """Return what the router says of its queue, for people."""
    parts: list[RenderableType] = [Text(headline(status), style="bold")]
    if status["paused"]:
        parts.append(Text(f"paused: {', '.join(status['paused'])}", style="yellow"))
    parts += [part for part in (_models(status), _pools(status), _keys(status), _tickets(status)) if part]
    return Group(*parts)


def headline(status: Mapping[str, Any]) -> str:
    """Return the queue in a line."""
    ended = ", ".join(f"{count:,} {how.replace('_', ' ')}" for how, count in status["ended"].items() if count)
    return f"{status['waiting']:,} waiting, {status['in_flight']:,} in flight" + (
        f"; {ended}" if ended else ""
    )


def waits_for(ticket: Mapping[str, Any]) -> str:
    """Return in words what a ticket waits for."""
    cause: str = ticket["cause"]
    return _CAUSES.get(cause, cause).format(ticket["subject"])


def seconds(value: float | None) -> str:
    """Return a time as people say it."""
    if value is None:
        return NONE
    if value < 1:
        return f"{1000 * value:.0f} ms"
    return f"{value:.1f} s" if value < 60 else f"{int(value // 60)} min {int(value % 60)} s"


def _models(status: Mapping[str, Any]) -> Table | None:
    rows = [
        (
            model["model"], _most(model["in_flight"], model["slots"]), model["waiting"],
            f"{model['finished']:,}", seconds(model["wait_p50_s"]), seconds(model["wait_p95_s"]),
            ", ".join(_place(place) for place in model["upstreams"]),
        )
        for model in status["models"]
    ]  # fmt: skip
    titles = ("model", "in flight", "waiting", "finished", "wait p50", "wait p95", "upstreams")
    return _table(titles, rows)


def _pools(status: Mapping[str, Any]) -> Table | None:
    rows = [
        (
            pool["pool"], _most(f"{pool['used']:.2f}", pool["budget"]), pool["in_flight"], pool["waiting"],
            (pool["resident"] or "free") if pool["exclusive"] else NONE, pool["reserved_for"] or NONE,
        )
        for pool in status["pools"]
    ]  # fmt: skip
    return _table(("pool", "used", "in flight", "waiting", "held by", "kept for"), rows)


def _keys(status: Mapping[str, Any]) -> Table | None:
    rows = [
        (
            _key(status, key["key"]), key["in_flight"], key["waiting"], f"{key['tokens']:,.0f}",
            NONE if key["tokens_left"] is None else f"{key['tokens_left']:,.0f}", f"{key['weight']:g}",
            key["priority_ceiling"],
        )
        for key in sorted(status["keys"], key=_busiest)
    ]  # fmt: skip
    return _table(("key", "in flight", "waiting", "tokens", "left", "weight", "priority"), rows)


def _busiest(key: Mapping[str, Any]) -> tuple[float, ...]:
    return (-key["waiting"], -key["in_flight"], -key["tokens"])


def _tickets(status: Mapping[str, Any]) -> Table | None:
    rows = [
        (
            ticket["id"], seconds(ticket["age_s"]), ticket["model"], _key(status, ticket["key"]),
            f"{ticket['effective_priority']:.1f}", seconds(ticket["patience_left_s"]), waits_for(ticket),
        )
        for ticket in status["tickets"]
    ]  # fmt: skip
    return _table(("request", "waits", "model", "key", "priority", "patience", "for"), rows)


def _table(titles: Sequence[str], rows: Iterable[Sequence[object]]) -> Table | None:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, title_justify="left")
    for title in titles:
        table.add_column(title, overflow="fold")
    for row in rows:
        table.add_row(*(Text(str(cell)) for cell in row))
    return table if table.row_count else None


def _key(status: Mapping[str, Any], key: str) -> str:
    name: str = status["names"].get(key, "")
    return name or ("no key" if key == "none" else key)


def _most(value: object, most: float | None) -> str:
    return f"{value} of {most:g}" if most is not None else str(value)


def _place(place: Mapping[str, Any]) -> str:
    paused = " paused" if place["paused"] else ""
    return f"{place['upstream']} {_most(place['in_flight'], place['slots'])}{paused}"
