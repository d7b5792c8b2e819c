"""What operators ask and tell the queue: how it is, who leaves it, which node rests."""

import asyncio
import difflib
import math
import time
from dataclasses import asdict
from importlib.metadata import version
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Query, Request

from api.auth import OPERATE, Key
from api.edge import KEY
from api.problem import Problem
from api.router.about import parts
from api.router.ask import plain_name
from api.router.parts import RouterParts
from api.router.queue.snapshot import KeyStatus, Snapshot, snapshot
from api.router.queue.ticket import State

LONGEST_DRAIN_S = 600.0
_LOOK_S = 0.05


def may_operate(request: Request) -> None:
    """Refuse whoever may only read, and pages of other sites in a browser on this machine."""
    key: Key | None = getattr(request.state, KEY, None)
    if key is not None and OPERATE not in key.scopes:
        raise Problem(
            403, "scope-needed", f"the key {key.name} may only read and ask models",
            f"`penstock keys create NAME --scope {OPERATE}` makes one that may act",
        )  # fmt: skip
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        raise Problem(403, "other-origin", f"pages of {origin} may not act here", "call from a program")


router = APIRouter(prefix="/queue", tags=["queue"])
Operator = Depends(may_operate)


@router.get("/health", summary="Whether requests can be served")
async def health(request: Request) -> dict[str, Any]:
    """Return ``ok``, ``stopping``, or ``no_upstream`` where none that answers has a model."""
    at = parts(request)
    queue = at.admission.queue
    served = {name: model for name, model in sorted(queue.models.items()) if model.capacity.served}
    status = "stopping" if at.house.stopping else "ok" if served else "no_upstream"
    return {
        "status": status,
        "version": version("penstock"),
        "waiting": queue.waiting,
        "in_flight": len(queue.tickets) - queue.waiting,
        "entered": queue.entered,
        "upstreams": len(at.chooser.upstreams()),
        "upstreams_failing": sorted(at.catalogue.errors()),
        "paused_nodes": sorted(at.pauses.nodes),
        "models": sorted(served),
    }


@router.get("/status", summary="The queue: models, pools, keys and who waits")
async def status(
    request: Request,
    tickets: Annotated[int, Query(ge=0, le=10_000, description="most that are listed")] = 100,
) -> dict[str, Any]:
    """Return the queue as it is; what is unknown or without an end is null."""
    at = parts(request)
    return _row(_snapshot(at, tickets))


@router.get("/keys", summary="What each key may have, and what it has used")
async def keys(request: Request) -> list[dict[str, Any]]:
    """Return the keys that asked since this router began, with their names."""
    at = parts(request)
    names = {key.id: key.name for key in at.ring.keys()}  # noqa: SIM118 - a ring is no mapping
    return [{"name": names.get(key.key, ""), **_row(key)} for key in _snapshot(at, 0).keys]


@router.post("/cancel/{request_id}", summary="Take one request out of the queue", dependencies=[Operator])
async def cancel(request: Request, request_id: str) -> dict[str, Any]:
    """Take out a request that waits; its caller is told. One that is in flight is left alone."""
    admission = parts(request).admission
    change = admission.queue.leave(request_id, time.monotonic(), State.CANCELLED)
    if not change.left:
        raise Problem(
            404, "not-waiting", f"no request {request_id} waits",
            "/queue/status lists those that do; one that is in flight cannot be taken back",
        )  # fmt: skip
    admission.changed(change.released, change.left)
    (ticket,) = change.left
    return {"cancelled": ticket.id, "model": ticket.model, "key": ticket.key}


@router.post("/cancel-all", summary="Take requests out of the queue", dependencies=[Operator])
async def cancel_all(
    request: Request,
    model: Annotated[str, Query(description="only those for this model")] = "",
    key: Annotated[str, Query(description="only those of this key, by its fingerprint")] = "",
) -> dict[str, Any]:
    """Take out all requests that wait, or those for one model, of one key, or both."""
    admission = parts(request).admission
    change = admission.queue.cancel(time.monotonic(), model=plain_name(model), key=key)
    admission.changed(change.released, change.left)
    return {"cancelled": [ticket.id for ticket in change.left], "count": len(change.left)}


@router.get("/nodes", summary="The nodes, and which are paused")
async def nodes(request: Request) -> list[dict[str, Any]]:
    """Return each node with what it has in flight."""
    at = parts(request)
    return [_node(at, node_id) for node_id in sorted(at.pauses.known())]


@router.post("/nodes/{node_id}/pause", summary="Send a node no new requests", dependencies=[Operator])
async def pause(request: Request, node_id: str) -> dict[str, Any]:
    """Pause a node until it is resumed or this router ends; what it has in flight may end."""
    at = _with_node(request, node_id)
    at.pauses.pause(node_id)
    return _node(at, node_id)


@router.post("/nodes/{node_id}/resume", summary="Send a node requests again", dependencies=[Operator])
async def resume(request: Request, node_id: str) -> dict[str, Any]:
    """End a pause."""
    at = _with_node(request, node_id)
    at.pauses.resume(node_id)
    return _node(at, node_id)


@router.post(
    "/nodes/{node_id}/drain", summary="Pause a node and wait until it is empty", dependencies=[Operator]
)
async def drain(
    request: Request,
    node_id: str,
    wait_s: Annotated[float, Query(ge=0, le=LONGEST_DRAIN_S, description="wait no longer, seconds")] = 0.0,
) -> dict[str, Any]:
    """Pause a node; answer when it has nothing in flight, or as it is when the time is over."""
    at = _with_node(request, node_id)
    at.pauses.pause(node_id)
    until_s = time.monotonic() + wait_s
    while at.pauses.in_flight(node_id) and node_id in at.pauses.nodes and time.monotonic() < until_s:
        await asyncio.sleep(_LOOK_S)
    return _node(at, node_id)


def _with_node(request: Request, node_id: str) -> RouterParts:
    at = parts(request)
    known = at.pauses.known()
    if node_id not in known:
        near = difflib.get_close_matches(node_id, known, n=3, cutoff=0.5) or sorted(known)[:3]
        hint = f"there is {', '.join(near)}" if near else "no upstream is known"
        raise Problem(404, "unknown-node", f"no node {node_id} has an upstream here", hint)
    return at


def _node(at: RouterParts, node_id: str) -> dict[str, Any]:
    in_flight, paused = at.pauses.in_flight(node_id), node_id in at.pauses.nodes
    return {"node_id": node_id, "paused": paused, "in_flight": in_flight, "drained": paused and not in_flight}


def _snapshot(at: RouterParts, tickets: int) -> Snapshot:
    return snapshot(at.admission.queue, time.monotonic(), tickets=tickets)


def _row(status: Snapshot | KeyStatus) -> dict[str, Any]:
    return {name: _plain(value) for name, value in asdict(status).items()}


def _plain(value: Any) -> Any:  # noqa: ANN401 - whatever a snapshot holds
    """Return what JSON can hold: it has no infinity, and nothing that is not a number."""
    if isinstance(value, dict):
        return {name: _plain(entry) for name, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
