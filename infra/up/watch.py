"""Watches what comes out: this run's first row in ClickHouse, and what each node does now."""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from api.metrics import ApiMetrics
from api.query.fleet import FleetView
from api.query.hub import Hub
from api.query.live import Live
from api.store import Store, StoreError
from infra.up.fleet_lines import Line, lines
from schemas.errors import UnavailableError
from schemas.settings import Settings

ASK_EVERY_S = 0.2
DRAW_EVERY_S = 0.5


async def first_row(settings: Settings, since: int) -> None:
    """Return as soon as ClickHouse has a state that Kafka took after ``since``, µs since the epoch."""
    store = Store(settings.clickhouse)
    asked = f"SELECT 1 FROM node_states WHERE arrived_at > fromUnixTimestamp64Micro({since}) LIMIT 1"
    try:
        while True:
            # Until the sink has made the tables, the engine refuses.
            with suppress(UnavailableError, StoreError):
                if await store.text(asked):
                    return
            await asyncio.sleep(ASK_EVERY_S)
    finally:
        await store.close()


async def nodes(settings: Settings, show: Callable[[Sequence[Line]], None]) -> None:
    """Show what each node does now, again and again, until cancelled."""
    fleet = FleetView()
    reading = asyncio.create_task(Live(settings, fleet, Hub(), ApiMetrics()).run())
    try:
        while True:
            show(tuple(lines(fleet.nodes(), time.time_ns() // 1000)))
            await asyncio.sleep(DRAW_EVERY_S)
    finally:
        reading.cancel()
        with suppress(asyncio.CancelledError):
            await reading
