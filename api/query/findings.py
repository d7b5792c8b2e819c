"""What the endpoints of observations and of alerts share: parameters, the list, and one with its history."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import orjson
from fastapi import Path, Query, Request
from starlette.responses import Response

from api.parts import Parts, parts
from api.problem import Problem
from api.query import listing, past
from api.query.finding import Finding, Kind, moment, schema, shown
from api.query.listing import MOST, Cursor, Filter
from api.query.times import parse_time
from schemas.errors import UnavailableError

FindingId = Annotated[str, Path(min_length=1, max_length=100, description="the id it keeps")]


@dataclass(frozen=True, slots=True)
class Asked:
    """The parameters of a list, as they came."""

    state: str
    node: str
    fleet: str
    severity: str
    from_: str
    to: str
    cursor: str
    limit: int


def asked(
    state: Annotated[
        str,
        Query(
            max_length=100, description="open, acknowledged, dismissed, resolved; several with commas; all"
        ),
    ] = listing.DEFAULT_STATES,
    node: Annotated[str, Query(max_length=100, description="only those about this node")] = "",
    fleet: Annotated[str, Query(max_length=100, description="only those of this fleet")] = "",
    severity: Annotated[
        str, Query(max_length=100, description="info, warning, critical; several with commas")
    ] = "",
    from_: Annotated[
        str,
        Query(
            alias="from",
            max_length=40,
            description="only those that stood then or later: -1h, -7d, seconds since 1970, or RFC 3339",
            examples=["-1d"],
        ),
    ] = "",
    to: Annotated[str, Query(max_length=40, description="only those that began before; as from")] = "",
    cursor: Annotated[str, Query(max_length=300, description="`next` of the page before")] = "",
    limit: Annotated[int, Query(ge=1, le=MOST, description="most on one page")] = 100,
) -> Asked:
    """Take the parameters of a list."""
    return Asked(state, node, fleet, severity, from_, to, cursor, limit)


async def many(request: Request, kind: Kind, wanted: Asked, what: str) -> Response:
    """Return a page of the list."""
    at, now = parts(request), time.time_ns() // 1000
    try:
        chosen = _filter(wanted, what, now)
        after = listing.read_cursor(wanted.cursor) if wanted.cursor else None
    except ValueError as exc:
        raise Problem(400, "invalid-request", str(exc), "/openapi.json describes the parameters") from exc
    check_known(at)
    here = [finding for finding in at.standing(kind).all() if chosen.lets(finding, now)]
    ended = await _ended(at, kind, chosen, after, wanted.limit + 1)
    found, further = listing.page(here, ended, after, wanted.limit)
    return json({kind.plural: [shown(finding, now) for finding in found], "next": further})


async def one(request: Request, kind: Kind, finding_id: str) -> Response:
    """Return one and every event of it."""
    at = parts(request)
    check_known(at)
    events, complete = await history(at, kind, finding_id)
    if not events:
        raise unknown(kind, finding_id)
    return json(
        {
            **shown(events[-1], time.time_ns() // 1000),
            "history": [moment(event) for event in events],
            "history_complete": complete,
        }
    )


async def history(at: Parts, kind: Kind, finding_id: str) -> tuple[list[Finding], bool]:
    """Return the events of one, oldest first, and whether that is all of them.

    What the reader has at hand is completed from ClickHouse, which may be some seconds behind.

    Raises:
        UnavailableError: ClickHouse is away, and nothing is at hand.
    """
    here = at.standing(kind).history(finding_id)
    if _is_whole(here):
        return list(here), True
    try:
        stored = await past.events(at.store, kind, finding_id)
    except UnavailableError:
        if not here:
            raise
        stored = []
    merged = {event.revision: event for event in (*stored, *here)}
    events = [merged[revision] for revision in sorted(merged)]
    return events, _is_whole(events)


def unknown(kind: Kind, finding_id: str) -> Problem:
    """Return the problem of an id that nothing has."""
    return Problem(
        404, f"unknown-{kind.name}", f"no {kind.name} has the id {finding_id}",
        f"/api/v1/{kind.plural}?state=all lists them",
    )  # fmt: skip


def json(value: Any, status: int = 200) -> Response:  # noqa: ANN401 - what JSON can hold
    """Return an answer."""
    return Response(orjson.dumps(value), status, media_type="application/json")


def list_schema(kind: Kind) -> dict[str, Any]:
    """Return the JSON Schema of a page."""
    return {
        "type": "object",
        "properties": {
            kind.plural: {"type": "array", "description": "newest onset first", "items": schema(kind)},
            "next": {
                "type": ["string", "null"],
                "description": "cursor of the next page; null: there is none",
            },
        },
    }


def one_schema(kind: Kind) -> dict[str, Any]:
    """Return the JSON Schema of one with its history."""
    whole = schema(kind)
    events = {name: of for name, of in whole["properties"].items() if name not in ("id", "state", "ended_at")}
    return {
        "type": "object",
        "properties": {
            **whole["properties"],
            "history": {
                "type": "array",
                "description": "every event of it, oldest first",
                "items": {"type": "object", "properties": events},
            },
            "history_complete": {"type": "boolean", "description": "false: some are not at hand just now"},
        },
    }


def _filter(wanted: Asked, what: str, now: int) -> Filter:
    first = parse_time(wanted.from_, now) if wanted.from_ else 0
    last = parse_time(wanted.to, now) if wanted.to else 0
    if last and first >= last:
        raise ValueError("from is not before to")
    return Filter(
        states=listing.states(wanted.state),
        node_id=wanted.node,
        fleet=wanted.fleet,
        what=what,
        severities=listing.severities(wanted.severity),
        first=first,
        last=last,
    )


async def _ended(at: Parts, kind: Kind, chosen: Filter, after: Cursor | None, most: int) -> list[Finding]:
    return await past.ended(at.store, kind, chosen, after, most) if "resolved" in chosen.states else []


def _is_whole(events: Sequence[Finding]) -> bool:
    return [event.revision for event in events] == list(range(len(events))) != []


def check_known(at: Parts) -> None:
    """Raise unless the reader has been through the topics once: before, what it knows is of long ago."""
    if not at.live.has_caught_up:
        raise UnavailableError(at.live.problem or "what is open is still being read from Kafka")
