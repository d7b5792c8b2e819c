"""Server-sent events: node states as they are made, with ids to go on from."""

from collections.abc import AsyncGenerator, Mapping

import orjson

from api.metrics import ApiMetrics
from api.query.hub import Change, Hub, Listener, write_position
from api.query.plain import plain

HEARTBEAT_S = 15.0
RETRY_MS = 2000

DROPPED = (
    "event: dropped\n"
    'data: {"reason": "the connection was read more slowly than states came; '
    'connect again, the last event id tells where to go on"}\n\n'
)


async def events(
    hub: Hub,
    listener: Listener,
    position: Mapping[int, int] | None,
    metrics: ApiMetrics,
    *,
    heartbeat_s: float = HEARTBEAT_S,
) -> AsyncGenerator[str, None]:
    """Yield the text of a stream: first what the client missed, then what comes.

    A client that is too slow gets an event ``dropped`` and the end; a quiet stream gets a comment now and
    then.
    """
    # Nothing is awaited between these three, so that no change is missed or comes twice.
    hub.join(listener)
    missed = [change for change in hub.since(position) if listener.wants(change.state)]
    here = hub.position
    metrics.streams.inc()
    try:
        yield f"retry: {RETRY_MS}\n\n"
        for change in missed[:-1]:
            # Only the last one may say where to go on: before it, some are still to come.
            yield write(change, None)
        if missed:
            yield write(missed[-1], here)
        while not hub.is_closed:
            next_change = await listener.next(heartbeat_s)
            if listener.is_dropped:
                metrics.dropped.inc()
                yield DROPPED
                return
            yield write(next_change, next_change.position) if next_change else ": heartbeat\n\n"
    finally:
        metrics.streams.dec()
        hub.leave(listener)


def write(change: Change, position: Mapping[int, int] | None) -> str:
    """Return one event; without a position it has no id."""
    head = f"id: {write_position(position)}\n" if position else ""
    return f"{head}event: node-state\ndata: {orjson.dumps(plain(change.state)).decode()}\n\n"
