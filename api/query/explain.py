"""``/explain`` of an observation or alert: judged once more, from what ClickHouse keeps of the log."""

import asyncio
import time
from collections.abc import Sequence
from threading import Lock
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.parts import Parts, parts
from api.problem import Problem
from api.query import examples, past
from api.query.finding import ALERT, OBSERVATION, Finding, Kind
from api.query.findings import FindingId, json, unknown
from api.sql.parameters import options
from processors.replay.explain.explain import explain
from processors.replay.explain.explanation import Said
from processors.replay.explain.found import ordered
from processors.replay.explain.plain import plain
from processors.replay.sources.event_log import EventLogSource
from processors.topology import rules_of
from schemas.errors import ConfigError, UnavailableError
from schemas.settings import Settings

router = APIRouter(prefix="/api/v1", tags=["explain"])

# Judging takes a core for a second or two: one at a time, so that the rest of the API goes on.
_TURN = Lock()

_TIME = {"type": "string", "format": "date-time"}
_NUMBER = {"type": ["number", "null"]}
_EVIDENCE = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "subject": {"type": "string"},
        "unit": {"type": "string"},
        "comparison": {"type": "string", "description": "what makes it wrong; empty: it is not compared"},
        "value": _NUMBER,
        "threshold": _NUMBER,
    },
}
_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "kind": {"type": "string", "enum": ["observation", "alert"]},
        "id": {"type": "string"},
        "what": {"type": "string", "description": "the pattern or alert"},
        "node_id": {"type": "string", "description": "node it is about; empty: several, or the fleet"},
        "onset_at": _TIME,
        "opened_at": {"type": ["string", "null"], "format": "date-time"},
        "ended_at": {"type": ["string", "null"], "format": "date-time"},
        "deciding": {**_EVIDENCE, "type": ["object", "null"], "description": "what the judgement stands on"},
        "evidence": {"type": "array", "description": "when it opened", "items": _EVIDENCE},
        "points": {
            "type": "array",
            "description": "every judgement, from five minutes before the onset, for six hours at most",
            "items": {
                "type": "object",
                "properties": {
                    "at": _TIME,
                    "holds": {"type": ["boolean", "null"], "description": "null: the readings do not tell"},
                    "open": {"type": "boolean"},
                    "coverage": {"type": "number", "description": "share of the window that is there"},
                    "evidence": {"type": "array", "items": _EVIDENCE},
                },
            },
        },
        "limits": {
            "type": "array",
            "description": "the thresholds in force now, and the table of the file of rules that sets each",
            "items": {
                "type": "object",
                "properties": {"name": {"type": "string"}, "place": {"type": "string"}},
            },
        },
        "rules_then": {"type": "string", "description": "digest of the rules it was last told by"},
        "rules_now": {"type": "string"},
        "said": {"type": "array", "description": "its events, with topic, partition and offset"},
        "facts": {
            "type": "array",
            "description": "the records it was judged from, by partition",
            "items": {
                "type": "object",
                "properties": {
                    "what": {"type": "string"},
                    "topic": {"type": "string"},
                    "partition": {"type": "integer"},
                    "first_offset": {"type": "integer"},
                    "last_offset": {"type": "integer"},
                    "records": {"type": "integer"},
                },
            },
        },
        "agrees": {"type": ["boolean", "null"], "description": "judged again, it is told as it was"},
        "differences": {"type": "array", "items": {"type": "string"}},
        "missing": {"type": "array", "description": "what is gone", "items": {"type": "string"}},
        "replay": {
            "type": "array",
            "description": "arguments of penstock replay",
            "items": {"type": "string"},
        },
    },
}
_HOT = {
    "name": "temperature",
    "subject": "GPU-1",
    "unit": "°C",
    "comparison": ">=",
    "value": 88.4,
    "threshold": 83.0,
}
_EXAMPLE = {
    "kind": "observation",
    "id": "5b0a4d86-3c52-5f0e-8f4d-1f2f3a4b5c6d",
    "what": "thermal_drain",
    "node_id": "gpu-01",
    "onset_at": "2026-06-01T12:00:00.000000Z",
    "opened_at": "2026-06-01T12:05:00.000000Z",
    "ended_at": None,
    "deciding": _HOT,
    "evidence": [_HOT],
    "points": [
        {"at": "2026-06-01T12:05:00.000000Z", "holds": True, "open": True, "coverage": 1.0,
         "evidence": [_HOT]}
    ],
    "limits": [
        {"name": "hot_share_min", "value": 0.6, "unit": "", "doc": "share of samples that are hot",
         "place": "patterns.thermal_drain"}
    ],
    "rules_then": "7d1f2c",
    "rules_now": "7d1f2c",
    "facts": [
        {"what": "panes of the window that opened it", "topic": "panes", "partition": 2, "first_offset": 8120,
         "last_offset": 8344, "records": 30, "first_at": "2026-06-01T12:00:13.000000Z",
         "last_at": "2026-06-01T12:05:03.000000Z"}
    ],
    "agrees": True,
    "differences": [],
    "missing": [],
    "replay": ["--from", "2026-06-01T11:59:00Z", "--to", "2026-06-01T12:21:00Z", "--node", "gpu-01"],
}  # fmt: skip


@router.get(
    "/observations/{observation_id}/explain",
    summary="What an observation was judged from",
    responses=examples.documented(_SCHEMA, _EXAMPLE),
)
async def observation(request: Request, observation_id: FindingId) -> Response:
    """Each judgement of its pattern, with the values and thresholds, and the records behind them.

    The panes of its node are judged again by the code that judged them live.
    """
    return await _explained(parts(request), OBSERVATION, observation_id)


@router.get(
    "/alerts/{alert_id}/explain",
    summary="What an alert was judged from",
    responses=examples.documented(_SCHEMA, {**_EXAMPLE, "kind": "alert", "what": "thermal_redline"}),
)
async def alert(request: Request, alert_id: FindingId) -> Response:
    """Each judgement of it, with the values and thresholds, and the summaries behind them."""
    return await _explained(parts(request), ALERT, alert_id)


async def _explained(at: Parts, kind: Kind, finding_id: str) -> Response:
    said = await _said(at, kind, finding_id)
    if not said:
        if at.standing(kind).history(finding_id):
            raise UnavailableError("ClickHouse does not have it yet: the sink writes it in a moment")
        raise unknown(kind, finding_id)
    return json(await asyncio.to_thread(_judged, at.settings, said, time.time_ns() // 1000))


def _judged(settings: Settings, said: Sequence[Said], now: int) -> dict[str, Any]:
    try:
        rules = rules_of(settings)
    except ConfigError as exc:
        raise Problem(500, "rules", str(exc), "correct the file of the setting worker.rules_file") from exc
    with _TURN:
        return plain(explain(EventLogSource(settings), said, rules, now))


async def _said(at: Parts, kind: Kind, finding_id: str) -> list[Said]:
    """Return its events with their places, oldest first, as ClickHouse has them."""
    events: dict[int, Finding] = {one.revision: one for one in await past.events(at.store, kind, finding_id)}
    if not events:
        return []
    prefix, found = at.settings.kafka.topic_prefix, list[Said]()
    query = (
        "SELECT revision, topic, partition, offset, toUnixTimestamp64Micro(arrived_at)"
        f" FROM {kind.name}_events WHERE {kind.id_field} = {{id:String}} ORDER BY revision"
    )
    text = await at.store.text(query, {**options({"id": finding_id}), "default_format": "TSV"})
    for line in text.splitlines():
        revision, topic, *numbers = line.split("\t")
        if int(revision) in events:
            found.append(Said(events[int(revision)], topic.removeprefix(prefix), *map(int, numbers)))
    return ordered(found)
