"""The demonstration's fleet as a process: the pure steps once a second, through the emitter of real nodes."""

import time
import uuid
from importlib.metadata import version

from producers.announce import announce
from producers.connector import quiet_client
from producers.emitter import Emitter
from producers.schedule import ticks
from producers.simulator.demo import begin, step
from producers.simulator.fleet import FLEET, registration
from schemas.events.node_stopped import NodeStopped
from schemas.settings import Settings
from schemas.topics import NODES, TELEMETRY

INTERVAL_S = 1.0
_SPOOL_BYTES = 64 << 20


async def serve(settings: Settings) -> None:
    """Emit until cancelled.

    Raises:
        ConfigError: the settings of Kafka cannot work, or another demonstration uses the spool.
    """
    quiet_client(settings.log.level)
    emitter = Emitter(
        settings.kafka,
        settings.registry,
        topics=(NODES, TELEMETRY),
        spool=settings.data_dir / "spool" / "demo",
        spool_bytes=_SPOOL_BYTES,
        queue_records=2000,
    )
    await emitter.start()
    try:
        await _run(emitter)
    finally:
        await emitter.stop()


async def _run(emitter: Emitter) -> None:
    boot_id, at_s = uuid.uuid4().hex, time.time()
    states = {node.node_id: begin(node, boot_id=boot_id, at_s=at_s) for node in FLEET}
    for node in FLEET:
        event = registration(
            node, boot_id=boot_id, at=round(at_s * 1e6), version=version("penstock"), interval_s=INTERVAL_S
        )
        announce(emitter, event)
    try:
        async for _ in ticks(INTERVAL_S):
            at_s = time.time()
            for node in FLEET:
                states[node.node_id], sample = step(node, states[node.node_id], at_s)
                emitter.emit(TELEMETRY, node.node_id, sample)
    finally:
        for node_id, state in states.items():
            at = time.time_ns() // 1000
            stopped = NodeStopped(node_id, "demo", boot_id, at, state.seq - 1, "signal")
            announce(emitter, stopped)
