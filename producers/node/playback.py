"""A recording played back as a node: the same facts at the same pace, now, as a run of its own."""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from producers.announce import announce
from producers.connector import quiet_client
from producers.emitter import Emitter
from producers.node.recording import recorded
from schemas.codec import Event
from schemas.errors import ConfigError
from schemas.events.node_registered import NodeRegistered
from schemas.events.node_sample import NodeSample
from schemas.events.node_stopped import NodeStopped
from schemas.settings import NodeSettings, Settings
from schemas.topics import NODES, TELEMETRY

_QUEUE_RECORDS = 2000
NodeEvent = NodeRegistered | NodeSample | NodeStopped


@dataclass(frozen=True, slots=True)
class Role:
    """As whom a recording is played; ``later_us`` is added to its times."""

    node_id: str
    fleet: str
    boot_id: str
    later_us: int


def cast_role(settings: NodeSettings, first: NodeEvent, now_us: int) -> Role:
    """Return the role of a playback that begins now: the recorded names, unless settings give others."""
    return Role(
        settings.node_id or first.node_id,
        settings.fleet if "fleet" in settings.model_fields_set else first.fleet,
        uuid.uuid4().hex,
        now_us - first.occurred_at,
    )


def shifted(events: Iterable[NodeEvent], role: Role) -> Iterator[NodeEvent]:
    """Yield the events as the role's own; the last one says that the node stopped."""
    seq, last_us = -1, 0
    for event in events:
        event = event._replace(
            node_id=role.node_id,
            fleet=role.fleet,
            boot_id=role.boot_id,
            occurred_at=(last_us := event.occurred_at + role.later_us),
        )
        if isinstance(event, NodeSample):
            seq += 1
            yield event._replace(seq=seq, spooled=False)
        elif isinstance(event, NodeRegistered):
            yield event._replace(started_at=event.started_at + role.later_us)
        # Where a recording was cut off there is no such event: the end of the file is the stop.
    yield NodeStopped(role.node_id, role.fleet, role.boot_id, last_us, seq, "played to the end")


async def perform(
    events: Iterable[NodeEvent],
    emit: Callable[[NodeEvent], None],
    now_us: Callable[[], int] = lambda: time.time_ns() // 1000,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Emit each event when its time has come; what is late comes at once. Cancelled, the node stops."""
    last: NodeEvent | None = None
    seq = -1
    try:
        for event in events:
            while (wait_us := event.occurred_at - now_us()) > 0:
                await sleep(wait_us / 1e6)
            emit(event)
            last = event
            seq = event.seq if isinstance(event, NodeSample) else seq
    finally:
        if last is not None and not isinstance(last, NodeStopped):
            emit(NodeStopped(last.node_id, last.fleet, last.boot_id, now_us(), seq, "signal"))


async def play(settings: Settings, file: Path) -> None:
    """Play a recording into Kafka, once, and end; nothing of this machine is read.

    Raises:
        ConfigError: the file is no recording, Kafka's settings cannot work, or another playback runs.
    """
    quiet_client(settings.log.level)
    events = _of_a_node(recorded(file))
    first = next(events, None)
    if first is None:
        raise ConfigError(f"{file} holds no event of a node")
    role = cast_role(settings.node, first, time.time_ns() // 1000)
    emitter = Emitter(
        settings.kafka,
        settings.registry,
        topics=(NODES, TELEMETRY),
        spool=settings.data_dir / "spool" / "play",
        spool_bytes=settings.node.spool_bytes,
        queue_records=_QUEUE_RECORDS,
    )
    await emitter.start()
    try:
        await perform(shifted(_with(first, events), role), lambda event: _emit(emitter, event))
    finally:
        await emitter.stop()


def _emit(emitter: Emitter, event: NodeEvent) -> None:
    if isinstance(event, NodeSample):
        emitter.emit(TELEMETRY, event.node_id, event)
    else:
        announce(emitter, event)


def _of_a_node(events: Iterable[Event]) -> Iterator[NodeEvent]:
    return (event for event in events if isinstance(event, NodeEvent))


def _with(first: NodeEvent, rest: Iterator[NodeEvent]) -> Iterator[NodeEvent]:
    yield first
    yield from rest
