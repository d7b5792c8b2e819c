"""``/api/v1/as-of``: what was so at a moment, as it was known then, or is known now."""

import asyncio
import time
from collections.abc import Sequence
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from api.parts import parts
from api.problem import Problem
from api.query.examples import documented
from api.query.plain import rfc3339
from api.query.times import parse_time
from api.sql.parameters import options
from api.store import Store, StoreError
from schemas.errors import UnavailableError

router = APIRouter(prefix="/api/v1", tags=["as of"])

# ClickHouse's ErrorCodes: the sink makes tables and views when it starts for the first time.
_NOT_THERE = frozenset({46, 60, 81})
_THEN = "then"
_JSON = {
    "default_format": "JSONEachRow",
    "date_time_output_format": "iso",
    "output_format_json_quote_64bit_integers": "0",
    "output_format_json_named_tuples_as_objects": "1",
}
_NODE = (
    "node_id", "fleet", "occurred_at AS state_at", "arrived_at AS known_since", "silent_s",
    "stopped_at", "inference_state", "inference_reason", "inference_since", "thermal_state", "thermal_reason",
    "routing_hint", "routing_hint_source", "tokens_per_second", "power_w", "wes", "idle_power_w",
    "topic", "partition", "offset",
)  # fmt: skip
_FINDING = (
    "fleet", "node_id", "state", "severity", "onset_at", "told_at", "told != 0 AS told", "ended_at",
    "duration_s", "text", "recommendation", "evidence", "acknowledged_by", "revision",
)  # fmt: skip
_OBSERVATION = ("observation_id AS id", "pattern", "subjects", "routing_hint", *_FINDING)
_ALERT = ("alert_id AS id", "alert", "members", "observations", *_FINDING)

_TIME = {"type": "string", "format": "date-time"}
_OR_NULL = {"type": ["string", "null"], "format": "date-time"}
_READING = {"type": ["number", "null"]}
_FOUND = {
    "id": {"type": "string"},
    "state": {"type": "string", "enum": ["open", "acknowledged", "dismissed"]},
    "onset_at": _TIME,
    "told_at": {**_TIME, "description": "when it was first told"},
    "told": {"type": "boolean", "description": "false: it stood, and was told only after t"},
    "ended_at": {**_OR_NULL, "description": "after t; null: not until known_at"},
    "duration_s": {"type": "number", "description": "from its onset to t"},
}
_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "t": _TIME,
        "known_at": _TIME,
        "nodes": {
            "type": "array",
            "description": "nodes that were heard of in the day before t, by name",
            "items": {
                "type": "object",
                "properties": {
                    "node_id": {"type": "string"},
                    "state_at": {**_TIME, "description": "by the node's clock"},
                    "known_since": {**_TIME, "description": "when the log took it"},
                    "silent_s": {"type": "number", "description": "from state_at to t"},
                    "stopped_at": {**_OR_NULL, "description": "when the agent said goodbye"},
                    "inference_state": {"type": "string"},
                    "thermal_state": {"type": "string"},
                    "power_w": {**_READING, "description": "watts"},
                },
            },
        },
        "observations": {"type": "array", "items": {"type": "object", "properties": _FOUND}},
        "alerts": {"type": "array", "items": {"type": "object", "properties": _FOUND}},
        "stored_since": {**_OR_NULL, "description": "the oldest state there is, where t has none"},
    },
}
_EXAMPLE_FOUND = {
    "fleet": "default", "node_id": "gpu-01", "state": "open", "severity": "warning",
    "onset_at": "2026-06-01T03:05:00.000000Z", "told_at": "2026-06-01T03:10:00.000000Z", "told": True,
    "ended_at": "2026-06-01T03:40:00.000000Z", "duration_s": 420.0,
    "text": "GPU-1 has been at 88 °C for 5 min",
    "recommendation": "Check fans, filters and the inlet temperature.",
    "evidence": [{"name": "temperature", "subject": "GPU-1", "unit": "°C", "comparison": ">=", "value": 88.4,
                  "threshold": 83.0}],
    "acknowledged_by": "", "revision": 0,
}  # fmt: skip
EXAMPLE: dict[str, Any] = {
    "t": "2026-06-01T03:12:00.000000Z",
    "known_at": "2026-06-01T03:12:00.000000Z",
    "nodes": [
        {
            "node_id": "gpu-01", "fleet": "default", "state_at": "2026-06-01T03:11:59.200000Z",
            "known_since": "2026-06-01T03:11:59.310000Z", "silent_s": 0.8, "stopped_at": None,
            "inference_state": "live", "inference_reason": "tokens",
            "inference_since": "2026-06-01T02:58:10.000000Z",
            "thermal_state": "serious", "thermal_reason": "temperature", "routing_hint": "reduce_batch",
            "routing_hint_source": "thermal_drain", "tokens_per_second": 412.5, "power_w": 655.1, "wes": 0.41,
            "idle_power_w": 71.0, "topic": "penstock.node-states", "partition": 2, "offset": 90211,
        }
    ],
    "observations": [{"id": "5b0a4d86-3c52-5f0e-8f4d-1f2f3a4b5c6d", "pattern": "thermal_drain",
                      "subjects": ["GPU-1"], "routing_hint": "reduce_batch", **_EXAMPLE_FOUND}],
    "alerts": [],
    "stored_since": None,
}  # fmt: skip


@router.get("/as-of", summary="What was so at a moment", responses=documented(_SCHEMA, EXAMPLE))
async def as_of(
    request: Request,
    t: Annotated[str, Query(max_length=40, description="the moment: -1h, seconds since 1970, or RFC 3339")],
    known_at: Annotated[
        str,
        Query(max_length=40, description="leaves out what arrived later: as t, or then (the same as t)"),
    ] = "now",
    node: Annotated[str, Query(max_length=100, description="only this node")] = "",
    fleet: Annotated[str, Query(max_length=100, description="only this fleet")] = "",
) -> Response:
    """Each node's state, and the observations and alerts that stood, at `t`.

    With `known_at=then` it is what was known at that moment; with `known_at=now` what is known of it since:
    samples that were spooled count, and so do observations that had begun and were told only later.
    """
    now = time.time_ns() // 1000
    moment, known = _times(t, known_at, now)
    at = f"t = {_literal(moment)}, known_at = {_literal(known)}"
    store, values = parts(request).store, {"node": node, "fleet": fleet}
    one = " AND node_id = {node:String}" if node else ""
    among = " AND (node_id = {node:String} OR has(members, {node:String}))" if node else ""
    of = "1" + (" AND fleet = {fleet:String}" if fleet else "")
    nodes, observations, alerts = await asyncio.gather(
        _rows(store, _NODE, f"node_state_as_known({at}) WHERE {of}{one} ORDER BY node_id", values),
        _rows(store, _OBSERVATION, f"observations_as_of({at}) WHERE {of}{one} ORDER BY onset_at, id", values),
        _rows(store, _ALERT, f"alerts_as_of({at}) WHERE {of}{among} ORDER BY onset_at, id", values),
    )
    found = {
        "t": rfc3339(moment),
        "known_at": rfc3339(known),
        "nodes": nodes,
        "observations": observations,
        "alerts": alerts,
        "stored_since": None if nodes else await _stored_since(store),
    }
    return Response(orjson.dumps(found), media_type="application/json")


def _times(t: str, known_at: str, now: int) -> tuple[int, int]:
    try:
        moment = parse_time(t, now)
        known = moment if known_at == _THEN else parse_time(known_at, now)
    except ValueError as exc:
        raise Problem(400, "invalid-request", str(exc), "known_at may also be then") from exc
    if moment > now:
        raise Problem(
            400, "invalid-request", f"{rfc3339(moment)} is still to come", "ask for a moment that was"
        )
    return moment, known


def _literal(micros: int) -> str:
    return f"'{rfc3339(micros).replace('T', ' ').removesuffix('Z')}'"


async def _rows(
    store: Store, columns: Sequence[str], source: str, values: dict[str, str]
) -> list[dict[str, Any]]:
    try:
        text = await store.text(f"SELECT {', '.join(columns)} FROM {source}", options(values) | _JSON)
    except StoreError as exc:
        if exc.code in _NOT_THERE:
            raise UnavailableError(
                "ClickHouse has no such view yet: the sink of this version makes it when it starts"
            ) from exc
        raise
    return [orjson.loads(line) for line in text.splitlines()]


async def _stored_since(store: Store) -> str | None:
    (row,) = await _rows(store, ("min(occurred_at) AS first", "count() AS n"), "node_states", {})
    return str(row["first"]) if row["n"] else None
