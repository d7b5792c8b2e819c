"""Server-sent events: node states, observations and alerts as they are made, with ids to go on from."""

import time
from collections.abc import AsyncGenerator

import orjson

from api.metrics import ApiMetrics
from api.query.change import Change, Position, write_position
from api.query.finding import kind_of, shown
from api.query.hub import Hub, Listener, Reset
from api.query.plain import plain
from schemas.events.node_state import NodeState

HEARTBEAT_S = 15.0
RETRY_MS = 2000

HEARTBEAT = ": heartbeat\n\n"
DROPPED = (
    "event: dropped\n"
    'data: {"reason": "the connection was read more slowly than events came; '
    'connect again, the last event id tells where to go on"}\n\n'
)


async def events(
    hub: Hub,
    listener: Listener,
    position: Position | None,
    metrics: ApiMetrics,
    *,
    heartbeat_s: float = HEARTBEAT_S,
) -> AsyncGenerator[str, None]:
    """Yield the text of a stream: first what the client missed, then what comes.

    A client that is too slow gets an event ``dropped`` and the end; a quiet stream gets a comment now and
    then. Observations and alerts begin once the API has read which of them are open.
    """
    hub.join(listener)
    metrics.streams.inc()
    try:
        begun = hub.is_known(listener.topics)
        # Nothing is awaited between these two, so that no change is missed or comes twice.
        missed = hub.begin(listener, position) if begun else []
        here = hub.position(listener.topics)
        yield f"retry: {RETRY_MS}\n\n"
        while not begun and not hub.is_closed:
            begun = await hub.known_within(heartbeat_s)
            if begun:
                missed, here = hub.begin(listener, position), hub.position(listener.topics)
            else:
                yield HEARTBEAT
        for text in _catching_up(missed, here):
            yield text
        async for text in _coming(hub, listener, metrics, heartbeat_s):
            yield text
    finally:
        metrics.streams.dec()
        hub.leave(listener)


def _catching_up(missed: list[Change | Reset], here: Position) -> list[str]:
    # Only the last one may say where to go on: before it, some are still to come.
    if missed:
        return [*(write(change, None) for change in missed[:-1]), write(missed[-1], here)]
    # An id without data is no event; a client goes on from it all the same.
    return [_id(here) + "\n"] if here else []


async def _coming(
    hub: Hub, listener: Listener, metrics: ApiMetrics, heartbeat_s: float
) -> AsyncGenerator[str, None]:
    while not hub.is_closed:
        change = await listener.next(heartbeat_s)
        if listener.is_dropped:
            metrics.dropped.inc()
            yield DROPPED
            return
        if change is None:
            yield HEARTBEAT
            continue
        yield write(change, {at: to for at, to in change.position.items() if at[0] in listener.topics})


def write(change: Change | Reset, position: Position | None) -> str:
    """Return one event; without a position it has no id."""
    head = _id(position) if position else ""
    if isinstance(change, Reset):
        return f'{head}event: reset\ndata: {{"topic": "{change.topic}"}}\n\n'
    if isinstance(change.event, NodeState):
        name, data = "node-state", plain(change.event)
    else:
        name, data = kind_of(change.event).name, shown(change.event, time.time_ns() // 1000)
    return f"{head}event: {name}\ndata: {orjson.dumps(data).decode()}\n\n"


def _id(position: Position) -> str:
    return f"id: {write_position(position)}\n"
