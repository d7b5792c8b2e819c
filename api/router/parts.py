"""The parts of one router, made together and closed together."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

from api.auth import KeyRing, is_loopback
from api.query.fleet import FleetView
from api.router.admission import QueueAdmission
from api.router.breaker import Breakers
from api.router.fleet_chooser import FleetChooser
from api.router.fleet_metrics import FleetMetrics
from api.router.fleet_reader import FleetReader
from api.router.flight import Flights, Patience
from api.router.gate import KeyGate
from api.router.house import House
from api.router.lifecycle.run import told as facts_told
from api.router.limits import caller_limits, queue_limits
from api.router.load_metrics import LoadCollector
from api.router.metrics import RouterMetrics
from api.router.pauses import Pauses
from api.router.pull import Pulls
from api.router.queue.core import Queue
from api.router.queue_metrics import QueueCollector
from api.router.recorder import CountingRecorder
from api.router.rewrite import Rules
from api.router.seams import Recorder
from api.router.substitutes import Substitutes
from api.router.upstream.catalogue import Catalogue
from api.router.upstream.client import Client
from api.router.warm import Warmer
from producers.connector import quiet_client
from schemas.settings import RouterSettings, Settings


@dataclass(frozen=True, slots=True)
class RouterParts:
    """What a router is made of."""

    house: House
    catalogue: Catalogue
    chooser: FleetChooser
    admission: QueueAdmission
    metrics: RouterMetrics
    pauses: Pauses
    ring: KeyRing
    warmer: Warmer

    def upstreams(self) -> list[dict[str, Any]]:
        """Return each upstream with what is known of it."""
        breakers = self.house.breakers.status(time.monotonic())
        errors = self.catalogue.errors()
        found = []
        for upstream in self.chooser.upstreams():
            known = self.catalogue.inventory(upstream.id)
            models = sorted(known.models) if known else None
            found.append({
                "id": upstream.id, "node_id": upstream.node_id, "url": upstream.shown_url,
                "kind": upstream.kind, "slots": upstream.slots, "models": models,
                "breaker": breakers.get(upstream.id, "closed"), "error": errors.get(upstream.id),
            })  # fmt: skip
        return found


@asynccontextmanager
async def open_parts(settings: Settings) -> AsyncIterator[RouterParts]:
    """Make the parts, and let them work while the block runs.

    Raises:
        ConfigError: settings do not fit together.
    """
    told = settings.router
    metrics = RouterMetrics()
    async with AsyncExitStack() as open_ones:
        counts = CountingRecorder(metrics)
        recorder: Recorder = counts
        if told.facts or told.nodes:
            quiet_client(settings.log.level)
        if told.facts:
            recorder = await open_ones.enter_async_context(facts_told(settings, counts, metrics.registry))
        client = Client(connect_timeout_s=told.connect_timeout_s)
        open_ones.push_async_callback(client.close)
        catalogue = Catalogue(client, told.ask_interval_s)
        fleet = FleetView()
        seen = FleetMetrics(fleet, told.fleet)
        metrics.registry.register(seen)
        reader = FleetReader(settings, fleet, seen) if told.nodes else None
        awaited = (lambda: reader.awaited) if reader else (lambda: False)
        chooser = FleetChooser(told, catalogue, fleet, awaited=awaited)
        parts = _made(settings, client, catalogue, chooser, metrics, recorder)
        tasks = [
            asyncio.create_task(catalogue.run(parts.chooser.upstreams)),
            asyncio.create_task(parts.house.flights.reap()),
            *([asyncio.create_task(reader.run(chooser))] if reader else []),
            *_warming(parts, told.prewarm_depth),
        ]
        try:
            yield parts
        finally:
            for task in tasks:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
            await parts.house.pulls.close()
            await parts.warmer.close()


def _made(
    settings: Settings,
    client: Client,
    catalogue: Catalogue,
    chooser: FleetChooser,
    metrics: RouterMetrics,
    recorder: Recorder,
) -> RouterParts:
    told = settings.router
    queue = Queue(queue_limits(told))
    admission = QueueAdmission(queue, patience_s=told.patience_s, hold_s=told.hold_s)
    chooser.listen(lambda: admission.sync(chooser))
    admission.sync(chooser)
    pauses = Pauses(queue, chooser, admission.changed)
    chooser.listen(pauses.refresh)
    metrics.registry.register(QueueCollector(queue))
    local = is_loopback(told.host)
    ring = KeyRing(settings.data_dir)

    async def asked() -> None:
        await catalogue.ask(chooser.upstreams())

    house = House(
        settings=told,
        gate=KeyGate(ring, needed=not local, limits=caller_limits(told)),
        chooser=chooser,
        memory=chooser.memory,
        admission=admission,
        recorder=recorder,
        client=client,
        breakers=Breakers(told.breaker_failures, told.breaker_cooldown_s),
        flights=Flights(_patience(told)),
        rules=Rules(told.context, told.thinking_factor, told.thinking_min_tokens),
        pulls=Pulls(client, told.pull_timeout_s, asked),
        pauses=pauses,
        substitutes=Substitutes(chooser, chooser.memory, told.interchangeable, usual=told.resident_fallback),
        local=local,
    )
    warmer = Warmer(
        client,
        chooser.memory,
        closed=lambda: house.breakers.blocked(time.monotonic()) | pauses.upstreams,
        loading=chooser.loading,
        loaded=asked,
        timeout_s=told.first_byte_timeout_s,
    )
    metrics.registry.register(LoadCollector(house.pulls, warmer))
    return RouterParts(house, catalogue, chooser, admission, metrics, pauses, ring, warmer)


def _warming(parts: RouterParts, depth: int | None) -> "list[asyncio.Task[None]]":
    if depth is None:
        return []
    return [asyncio.create_task(parts.warmer.run(parts.admission.queue, depth))]


def _patience(told: RouterSettings) -> Patience:
    return Patience(told.first_byte_timeout_s, told.idle_timeout_s, told.stall_timeout_s)
