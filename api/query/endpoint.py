"""``/api/v1/stream``, ``/metrics``, ``/healthz`` and ``/readyz``."""

import asyncio
from typing import Annotated

import httpx
import orjson
from fastapi import APIRouter, Header, Query, Request
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.responses import Response, StreamingResponse

from api.parts import Parts, parts
from api.problem import Problem
from api.query import examples
from api.query.change import TOPICS, StreamTopic, read_position
from api.query.hub import Listener
from api.query.stream import events
from api.store import StoreError
from schemas.errors import PenstockError
from schemas.registry import Registry

router = APIRouter()

LISTENERS = 256
"""Most clients of the stream at once; each holds a connection."""

CHECK_S = 3.0
"""How long a dependency may take to answer /readyz."""


@router.get(
    "/api/v1/stream",
    tags=["stream"],
    summary="Node states, observations and alerts as they are made, as server-sent events",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "events `node-state`, `observation`, `alert`, `reset` and `dropped`",
            "content": {"text/event-stream": {"example": examples.STREAM}},
        }
    },
)
async def stream(
    request: Request,
    topics: Annotated[
        str, Query(max_length=100, description=f"{', '.join(TOPICS)}; several with commas")
    ] = "node-states",
    node: Annotated[str, Query(max_length=100, description="only this node")] = "",
    fleet: Annotated[str, Query(max_length=100, description="only of this fleet")] = "",
    last_event_id: Annotated[str, Header(description="where to go on; browsers send it themselves")] = "",
) -> Response:
    """First what is so now, or what came after ``Last-Event-ID``; then everything as it comes.

    The data of an event is a state as in ``/api/v1/nodes/{node_id}``, or an observation or alert as in their
    lists; of those, what is so now is each that is open. An event ``reset`` names a topic of which changes
    are lost: forget what you know of it, what is open follows. A client that reads too slowly gets an event
    ``dropped`` and the end of the stream, and may connect again. A quiet stream has a comment every 15 s.
    """
    at = parts(request)
    if len(at.hub) >= LISTENERS:
        raise Problem(503, "unavailable", f"{LISTENERS} clients listen already", "try again later")
    try:
        position = read_position(last_event_id) if last_event_id else None
    except ValueError as exc:
        raise Problem(400, "invalid-request", "the Last-Event-ID is none of ours", "leave it out") from exc
    listener = Listener(node_id=node, fleet=fleet, topics=_topics(topics))
    return StreamingResponse(
        events(at.hub, listener, position, at.metrics),
        media_type="text/event-stream",
        headers={"X-Accel-Buffering": "no"},
    )


def _topics(text: str) -> tuple[StreamTopic, ...]:
    named = [name.strip() for name in text.split(",")]
    for name in named:
        if name not in TOPICS:
            raise Problem(
                400,
                "invalid-request",
                f"{name!r} is no topic of the stream",
                f"there are {', '.join(TOPICS)}",
            )
    return tuple(topic for topic in TOPICS if topic in named)


@router.get("/metrics", tags=["operation"], summary="The nodes and the API itself, for Prometheus")
async def metrics(request: Request) -> Response:
    """Gauges of the nodes that are up, ``penstock_node_up`` of all, and metrics of the API."""
    return Response(generate_latest(parts(request).metrics.registry), media_type=CONTENT_TYPE_LATEST)


@router.get("/healthz", tags=["operation"], summary="Whether the process lives")
async def healthz() -> Response:
    """Answer at once; nothing is asked for it, and no key is needed."""
    return Response(b'{"status":"ok"}', media_type="application/json")


@router.get(
    "/readyz",
    tags=["operation"],
    summary="Whether Kafka, ClickHouse and the registry can be reached",
    responses={503: {"description": "one of them cannot; `checks` says which and why"}},
)
async def readyz(request: Request) -> Response:
    """Ask each of the three; what is well has the reason null."""
    at = parts(request)
    store, registry = await asyncio.gather(_store(at), _registry(at))
    checks = {"kafka": _kafka(at), "clickhouse": store, "registry": registry}
    ready = all(reason is None for reason in checks.values())
    body = orjson.dumps({"ready": ready, "checks": checks})
    return Response(body, 200 if ready else 503, media_type="application/json")


def _kafka(at: Parts) -> str | None:
    if at.live.problem:
        return at.live.problem
    return None if at.live.is_ready else "the latest states are still being read"


async def _store(at: Parts) -> str | None:
    try:
        await asyncio.wait_for(at.store.text("SELECT 1"), CHECK_S)
    except TimeoutError:
        return f"ClickHouse at {at.store.url} does not answer within {CHECK_S:g} s"
    except (PenstockError, StoreError) as exc:
        return str(exc)
    return None


async def _registry(at: Parts) -> str | None:
    registry = Registry(at.settings.registry)
    try:
        await asyncio.wait_for(registry.subjects(), CHECK_S)
    except TimeoutError:
        return f"the registry at {at.settings.registry.url} does not answer within {CHECK_S:g} s"
    except (PenstockError, httpx.HTTPError) as exc:
        return str(exc)
    finally:
        await registry.close()
    return None
