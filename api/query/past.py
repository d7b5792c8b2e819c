"""Observations and alerts that ClickHouse knows: those that are over, and every event of one."""

import math
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, get_type_hints

import orjson

from api.query.finding import KINDS, Finding, Kind
from api.query.listing import Cursor, Filter
from api.query.plain import times_of
from api.sql.parameters import options
from api.store import Store, StoreError
from schemas.errors import UnavailableError
from schemas.events.observation import Evidence

# ClickHouse's ErrorCodes: the sink makes the tables when it starts for the first time.
_NO_TABLE, _NO_DATABASE = 60, 81
_AS_ARRAYS = {
    "default_format": "JSONCompactEachRow",
    "output_format_json_quote_64bit_integers": "0",
    "output_format_json_named_tuples_as_objects": "0",
}


async def ended(store: Store, kind: Kind, asked: Filter, after: Cursor | None, most: int) -> list[Finding]:
    """Return the latest event of those that are over, the newest onset first; the state is not looked at.

    Raises:
        UnavailableError: ClickHouse does not answer, or has no such table yet.
        StoreError: it refused.
    """
    conditions, values = _conditions(kind, asked, after)
    where = " AND ".join(("kind = 'resolved'", *conditions))
    query = (
        f"SELECT {_columns(kind)} FROM {kind.plural}_latest AS of_one FINAL WHERE {where}"
        f" ORDER BY of_one.onset_at DESC, {kind.id_field} LIMIT {most:d}"
    )
    return await _read(store, kind, query, values)


async def events(store: Store, kind: Kind, finding_id: str) -> list[Finding]:
    """Return every event of one, in no order; raises as ``ended`` does."""
    query = (
        f"SELECT {_columns(kind)} FROM {kind.name}_events AS of_one WHERE {kind.id_field} = {{id:String}}"
        f" LIMIT 1 BY revision"
    )
    return await _read(store, kind, query, {"id": finding_id})


def _conditions(kind: Kind, asked: Filter, after: Cursor | None) -> tuple[list[str], dict[str, Any]]:
    """Return the conditions that the filter sets, and the values they name."""
    found: list[tuple[str, Mapping[str, Any]]] = [
        ("severity IN {severities:Array(String)}", {"severities": sorted(asked.severities)})
    ]
    if asked.fleet:
        found.append(("fleet = {fleet:String}", {"fleet": asked.fleet}))
    if asked.what:
        found.append((f"{kind.what} = {{what:String}}", {"what": asked.what}))
    if asked.node_id:
        among = " OR has(members, {node:String})" if kind.name == "alert" else ""
        found.append((f"(node_id = {{node:String}}{among})", {"node": asked.node_id}))
    if asked.first:
        found.append((f"of_one.occurred_at >= {_time('first')}", {"first": asked.first}))
    if asked.last:
        found.append((f"of_one.onset_at < {_time('last')}", {"last": asked.last}))
    if after:
        onset = f"of_one.onset_at < {_time('onset')}"
        equal = f"of_one.onset_at = {_time('onset')} AND {kind.id_field} > {{after:String}}"
        found.append((f"({onset} OR {equal})", {"onset": after.onset_at, "after": after.id}))
    return [text for text, _ in found], {name: value for _, more in found for name, value in more.items()}


def _time(name: str) -> str:
    return f"fromUnixTimestamp64Micro({{{name}:Int64}}, 'UTC')"


async def _read(store: Store, kind: Kind, query: str, values: Mapping[str, Any]) -> list[Finding]:
    try:
        asked = options(values) | _AS_ARRAYS
    except ValueError:  # values longer than anything that is stored
        return []
    try:
        lines = await store.text(query, asked)
    except StoreError as exc:
        if exc.code in (_NO_TABLE, _NO_DATABASE):
            raise UnavailableError(
                f"ClickHouse has no table of {kind.plural} yet: the sink makes it when it starts"
            ) from exc
        raise
    return [_event(kind, orjson.loads(line)) for line in lines.splitlines()]


@cache
def _fields(kind: Kind) -> Sequence[str]:
    return kind.opened._fields


def _columns(kind: Kind) -> str:
    """Return what is selected: the change, then the fields of the event in their order."""
    times = times_of(kind.opened)
    named = (f"toUnixTimestamp64Micro(of_one.{name})" if name in times else name for name in _fields(kind))
    return ", ".join(("kind", *named))


def _event(kind: Kind, row: Sequence[Any]) -> Finding:
    change, *values = row
    view = kind.events[change]
    floats = _floats()
    made = zip(_fields(kind), values, strict=True)
    return view(*(_value(value, is_float=name in floats) for name, value in made))


def _value(value: Any, *, is_float: bool) -> Any:  # noqa: ANN401 - what JSON can hold
    if is_float:
        return math.nan if value is None else float(value)
    if isinstance(value, list):
        return tuple(_evidence(item) if isinstance(item, list) else item for item in value)
    return value


def _evidence(row: Sequence[Any]) -> Evidence:
    name, subject, unit, comparison, *numbers = row
    value, threshold = (_value(number, is_float=True) for number in numbers)
    return Evidence(name, subject, unit, comparison, value, threshold)


@cache
def _floats() -> frozenset[str]:
    """Return the names of the fields that are numbers of which there may be no reading."""
    hints = {name: hint for kind in KINDS for name, hint in get_type_hints(kind.opened).items()}
    return frozenset(name for name, hint in hints.items() if hint is float)
