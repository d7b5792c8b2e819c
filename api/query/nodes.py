"""``/api/v1/nodes``: who is there, what each does now, and what it did."""

import math
import time
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from api.parts import Parts, parts
from api.problem import Problem
from api.query import history
from api.query.finding import Finding, id_of, state_of, what_of
from api.query.fleet import Node
from api.query.plain import json_schema, plain, rfc3339
from api.query.standing import Standing
from api.query.times import MOST_POINTS, POINTS, RESOLUTIONS, choose_resolution, parse_time
from schemas.events.node_state import NodeState
from schemas.events.reading import known

router = APIRouter(prefix="/api/v1/nodes", tags=["nodes"])

NodeId = Annotated[str, Path(max_length=100, description="name of the node", examples=["gpu-01"])]
Fleet = Annotated[str, Query(max_length=100, description="only nodes of this fleet")]

_READING = {"type": ["number", "null"]}
_SUMMARY: dict[str, Any] = {
    "node_id": {"type": "string", "examples": ["gpu-01"]},
    "fleet": {"type": "string"},
    "up": {"type": "boolean", "description": "states come: not silent for 3 intervals or 15 s, not stopped"},
    "seen_at": {"type": ["string", "null"], "format": "date-time", "description": "its last state's arrival"},
    "silent_s": {**_READING, "description": "seconds since then"},
    "inference_state": {"type": ["string", "null"]},
    "thermal_state": {"type": ["string", "null"]},
    "routing_hint": {
        "type": ["string", "null"],
        "enum": ["clear", "monitor", "reduce_batch", "steer_away", None],
        "description": "what a router should do with it, as its open observations say",
    },
    "routing_hint_source": {"type": ["string", "null"], "description": "the pattern that says so"},
    "tokens_per_second": {**_READING, "description": "null while idle"},
    "power_w": {**_READING, "description": "watts"},
    "wes": {**_READING, "description": "tokens a joule, thermally corrected"},
    "temperature_c": {**_READING, "description": "degrees Celsius of the hottest accelerator"},
    "memory_used_ratio": {**_READING, "description": "0 to 1, of the host's memory"},
    "vram_used_ratio": {**_READING, "description": "0 to 1, of the memory of all accelerators"},
    "gpus": {"type": "integer", "description": "accelerators"},
    "models": {"type": "array", "items": {"type": "string"}, "description": "models in memory"},
    "observations": {
        "type": "array",
        "description": "its open observations that are not dismissed, the oldest first",
        "items": {
            "type": "object",
            "properties": {
                "id": {"type": "string"},
                "pattern": {"type": "string"},
                "severity": {"type": "string", "enum": ["info", "warning", "critical"]},
            },
        },
    },
}
_SHARED = (
    "node_id",
    "fleet",
    "up",
    "seen_at",
    "silent_s",
    "routing_hint",
    "routing_hint_source",
    "observations",
)
_LIST = {
    "type": "object",
    "properties": {"nodes": {"type": "array", "items": {"type": "object", "properties": _SUMMARY}}},
}
_ONE = {
    "type": "object",
    "properties": {
        **{name: _SUMMARY[name] for name in _SHARED},
        "state": {**json_schema("node_state"), "type": ["object", "null"]},
        "registered": {**json_schema("node_registered"), "type": ["object", "null"]},
    },
}
_STATISTIC = {
    "type": ["object", "null"],
    "properties": dict.fromkeys(("n", "mean", "min", "max"), _READING),
}
_HISTORY = {
    "type": "object",
    "properties": {
        "node_id": {"type": "string"},
        "gpu_id": {"type": ["string", "null"]},
        "from": {"type": "string", "format": "date-time", "description": "a multiple of resolution_s"},
        "to": {"type": "string", "format": "date-time", "description": "exclusive"},
        "resolution_s": {"type": "integer", "description": "seconds between points"},
        "points": {
            "type": "array",
            "description": "oldest first; where nothing was sampled there is no point",
            "items": {
                "type": "object",
                "properties": {
                    "at": {"type": "string", "format": "date-time", "description": "start of the point"},
                    "samples": {"type": "number"},
                    "inference": {"type": "object", "description": "samples in each state"},
                    "thermal": {"type": "object", "description": "samples in each state"},
                    "power_w": _STATISTIC,
                },
            },
        },
    },
}  # fmt: skip


def _documented(schema: dict[str, Any]) -> dict[int | str, dict[str, Any]]:
    return {200: {"description": "as described", "content": {"application/json": {"schema": schema}}}}


@router.get("", responses=_documented(_LIST), summary="The nodes and what each does now")
async def nodes(request: Request, fleet: Fleet = "") -> Response:
    """Every node that has ever registered or sent a sample, in the order of their names."""
    at, now = parts(request), time.time_ns() // 1000
    concerning = of_nodes(at.observations, now)
    found = [summary(node, now, concerning.get(node.node_id, ())) for node in at.fleet.nodes(fleet)]
    return _json({"nodes": found})


@router.get("/{node_id}", responses=_documented(_ONE), summary="All that is known of a node now")
async def one(request: Request, node_id: NodeId) -> Response:
    """Its latest state, with every accelerator, runtime and model, and its inventory."""
    at, now = parts(request), time.time_ns() // 1000
    node = at.fleet.get(node_id)
    if node is None:
        raise _unknown(node_id)
    whole = summary(node, now, of_nodes(at.observations, now).get(node_id, ()))
    seen = {name: whole[name] for name in _SHARED}
    return _json({**seen, "state": plain(node.state), "registered": plain(node.registered)})


@router.get("/{node_id}/history", responses=_documented(_HISTORY), summary="What a node did")
async def past(
    request: Request,
    node_id: NodeId,
    from_: Annotated[
        str,
        Query(
            alias="from",
            max_length=40,
            description="-15m, -1h, -7d, seconds since 1970, or RFC 3339",
            examples=["-1h"],
        ),
    ] = "-1h",
    to: Annotated[str, Query(max_length=40, description="as from; exclusive")] = "now",
    resolution: Annotated[
        str, Query(description=f"auto (at most about {POINTS} points), {', '.join(RESOLUTIONS)}")
    ] = "auto",
    gpu: Annotated[str, Query(max_length=200, description="gpu_id: of this accelerator")] = "",
    fields: Annotated[
        str, Query(max_length=2000, description="readings, separated by commas; empty: the usual ones")
    ] = "",
) -> Response:
    """Panes of ten seconds, merged to the resolution: of each reading n, mean, min and max."""
    at: Parts = parts(request)
    subject = history.Subject(node_id, gpu)
    names = _names(subject, fields)
    span = _span(from_, to, resolution)
    points = await history.read(at.store, subject, names, span)
    if not points and at.fleet.get(node_id) is None:
        raise _unknown(node_id)
    return _json(
        {
            "node_id": node_id,
            "gpu_id": gpu or None,
            "from": rfc3339(span.first),
            "to": rfc3339(span.last),
            "resolution_s": span.resolution_s,
            "points": points,
        }
    )


def of_nodes(observations: Standing, now: int) -> Mapping[str, Sequence[Finding]]:
    """Return the open observations of each node that are not dismissed, the oldest first."""
    found: dict[str, list[Finding]] = {}
    for finding in sorted(observations.open(), key=lambda each: (each.onset_at, id_of(each))):
        if state_of(finding, now) != "dismissed":
            found.setdefault(finding.node_id, []).append(finding)
    return found


def summary(node: Node, now: int, observations: Sequence[Finding] = ()) -> dict[str, Any]:
    """Return a node in one line; readings of a node that is not up are null."""
    state = node.state if node.is_up(now) else None
    return {
        "node_id": node.node_id,
        "fleet": node.fleet,
        "up": node.is_up(now),
        "seen_at": rfc3339(node.seen_at) if node.seen_at else None,
        "silent_s": plain(round(node.silent_s(now), 3)),
        "inference_state": state.inference_state if state else None,
        "thermal_state": state.thermal_state if state else None,
        "routing_hint": state.routing_hint if state else None,
        "routing_hint_source": state.routing_hint_source or None if state else None,
        "tokens_per_second": plain(state.tokens_per_second) if state else None,
        "power_w": plain(state.power_w) if state else None,
        "wes": plain(state.wes) if state else None,
        "temperature_c": plain(_hottest(state)) if state else None,
        "memory_used_ratio": plain(_memory_used(state)) if state else None,
        "vram_used_ratio": plain(_vram_used(state)) if state else None,
        "gpus": len(node.registered.gpus if node.registered else node.state.gpus if node.state else ()),
        "models": [model.name for model in state.models] if state else [],
        "observations": [
            {"id": id_of(finding), "pattern": what_of(finding), "severity": finding.severity}
            for finding in observations
        ],
    }


def _hottest(state: NodeState) -> float:
    return max((gpu.temperature_c for gpu in state.gpus if known(gpu.temperature_c)), default=math.nan)


def _memory_used(state: NodeState) -> float:
    total = state.memory_total_bytes
    return 1 - state.memory_available_bytes / total if known(total) and total > 0 else math.nan


def _vram_used(state: NodeState) -> float:
    counted = [gpu for gpu in state.gpus if known(gpu.memory_total_bytes) and known(gpu.memory_used_bytes)]
    total = sum(gpu.memory_total_bytes for gpu in counted)
    return sum(gpu.memory_used_bytes for gpu in counted) / total if total > 0 else math.nan


def _names(subject: history.Subject, fields: str) -> tuple[str, ...]:
    if not fields:
        return history.DEFAULTS[subject.of]
    known = history.readings(subject.of)
    names = tuple(dict.fromkeys(name.strip() for name in fields.split(",")))
    unknown = [name for name in names if name not in known]
    if unknown:
        raise Problem(
            400, "invalid-request", f"no reading is called {unknown[0]}", f"there are {', '.join(known)}"
        )
    return names


def _span(from_: str, to: str, resolution: str) -> history.Range:
    now = time.time_ns() // 1000
    try:
        first, last = parse_time(from_, now), parse_time(to, now)
        resolution_s = choose_resolution(resolution, first, last)
    except ValueError as exc:
        raise Problem(
            400, "invalid-request", str(exc), f"a range gives {MOST_POINTS} points at most"
        ) from exc
    if first >= last:
        raise Problem(400, "invalid-request", "from is not before to", "exchange them")
    # The first point is a whole one.
    return history.Range(first - first % (resolution_s * 1_000_000), last, resolution_s)


def _unknown(node_id: str) -> Problem:
    return Problem(404, "unknown-node", f"no node is called {node_id}", "/api/v1/nodes lists them")


def _json(value: Any) -> Response:  # noqa: ANN401 - what JSON can hold
    return Response(orjson.dumps(value), media_type="application/json")
