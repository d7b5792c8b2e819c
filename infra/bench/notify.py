"""Deliveries: how fast a notification goes out, and what receivers that hang do to the others."""

import asyncio
import contextlib
import statistics
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from aiohttp import web
from aiokafka import AIOKafkaProducer

from infra.bench.stack import servers
from infra.bench.table import Table
from schemas.channel_document import canonical, parse
from schemas.events.channel_changed import ChannelChanged
from schemas.events.notification_due import NotificationDue, NotifiedCondition
from schemas.ids import derived_id
from schemas.kafka import connection, ensure_topics
from schemas.registry import Registry
from schemas.settings import Settings
from schemas.topics import CHANNELS, DEAD_LETTERS, NOTIFICATIONS
from sinks.notify.secrets import SecretBox, sealed
from sinks.notify.serve import EVENTS, serve

RECEIVERS, HANGING = 50, 10
PER_S, SECONDS, WARM_S = 200, 30, 5
TIMEOUT_S = 5.0
DEADLINE_S = 120.0
RULES = 500


@dataclass
class Seen:
    """When each notification came to each receiver, by the wall clock."""

    at_s: dict[tuple[str, str], float] = field(default_factory=dict)
    twice: int = 0


def run() -> Table:
    """Measure."""
    with servers() as settings, TemporaryDirectory(prefix="penstock-bench-") as folder:
        notifier = settings.notifier.model_copy(update={"allow": "127.0.0.1", "timeout_s": TIMEOUT_S})
        mine = settings.model_copy(update={"data_dir": Path(folder), "notifier": notifier})
        rows = asyncio.run(_measure(mine))
    return Table(
        f"Notifications to {RECEIVERS} webhooks of which {HANGING} hang",
        ("deliveries per s", "due", "delivered", "twice", "p50 ms", "p99 ms", "worst ms"),
        rows,
        f"{PER_S} deliveries a second for {SECONDS} s, each channel in its turn; the receivers that hang "
        f"never answer, and an attempt takes {TIMEOUT_S:g} s then. Milliseconds from Kafka's time of the "
        "notification to the receiver having read it, of the receivers that answer, the first "
        f"{WARM_S} s left out. One notifier, the broker and the receivers share the machine.",
    )


async def _measure(settings: Settings) -> Sequence[Sequence[object]]:
    seen = Seen()
    async with _receivers(seen) as urls, _serving(settings):
        sent = await _send(settings, urls)
        healthy = {key: at for key, at in sent.items() if int(key[1].removeprefix("c")) >= HANGING}
        async with asyncio.timeout(DEADLINE_S):
            while not healthy.keys() <= seen.at_s.keys():
                await asyncio.sleep(0.05)
    began = min(healthy.values()) + WARM_S
    waits = sorted(seen.at_s[key] - at for key, at in healthy.items() if at >= began)
    quantiles = statistics.quantiles(waits, n=100)
    milliseconds = [f"{seconds * 1000:.0f}" for seconds in (quantiles[49], quantiles[98], waits[-1])]
    rate = f"{len(sent) / SECONDS:.0f}"
    return [(rate, len(healthy), len(healthy.keys() & seen.at_s.keys()), seen.twice, *milliseconds)]


@contextlib.asynccontextmanager
async def _receivers(seen: Seen) -> AsyncIterator[Sequence[str]]:
    """One server with a path for each receiver; yields their URLs, those that hang first."""
    over = asyncio.Event()

    async def take(request: web.Request) -> web.Response:
        await request.read()
        name = request.match_info["name"]
        if int(name.removeprefix("c")) < HANGING:
            await over.wait()
            return web.Response()
        key = (request.headers["webhook-id"], name)
        seen.twice += key in seen.at_s
        seen.at_s.setdefault(key, time.time())
        return web.Response()

    app = web.Application()
    app.router.add_post("/{name}", take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    try:
        yield [f"http://127.0.0.1:{port}/c{number}" for number in range(RECEIVERS)]
    finally:
        over.set()
        await runner.cleanup()


@contextlib.asynccontextmanager
async def _serving(settings: Settings) -> AsyncIterator[None]:
    task = asyncio.ensure_future(serve(settings))
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _send(settings: Settings, urls: Sequence[str]) -> dict[tuple[str, str], float]:
    """Make the channels, then send steadily; return the broker's time of each by notification and channel."""
    registry = Registry(settings.registry)
    codec = await registry.codec_when_up(EVENTS)
    await registry.close()
    await ensure_topics(settings.kafka, (CHANNELS, NOTIFICATIONS, DEAD_LETTERS))
    box = SecretBox.of(settings)
    producer = AIOKafkaProducer(**connection(settings.kafka))
    await producer.start()
    try:
        for number, url in enumerate(urls):
            kept, _ = sealed(parse({"id": f"c{number}", "kind": "webhook", "settings": {"url": url}}), box)
            change = ChannelChanged("", 0, kept.id, 1, False, "bench", canonical(kept))
            await producer.send_and_wait(
                CHANNELS.full_name(settings.kafka), codec.encode(change), kept.id.encode()
            )
        topic, sent = NOTIFICATIONS.full_name(settings.kafka), {}
        began = time.monotonic()
        for number in range(PER_S * SECONDS):
            await asyncio.sleep(max(0.0, began + number / PER_S - time.monotonic()))
            one = _notification(number)
            sent[one.id, one.channels[0]] = await producer.send(
                topic, codec.encode(one), one.rule_id.encode()
            )
        return {key: (await placed).timestamp / 1000 for key, placed in sent.items()}
    finally:
        await producer.stop()


def _notification(number: int) -> NotificationDue:
    now = time.time_ns() // 1000
    node, group = f"node-{number % 1000}", derived_id("group", number // 2)
    condition = NotifiedCondition(
        condition_id=group,
        node_id=node,
        model="",
        state="firing",
        value=91.0,
        threshold=90.0,
        was="",
        now="",
        text=f"{node} is at 91 °C",
        onset_at=now,
    )
    # Opened and resolved go to the same channel: each has its turn for two.
    return NotificationDue(
        id=derived_id("notification", number),
        group_id=group,
        revision=number % 2,
        kind="resolved" if number % 2 else "opened",
        rule_id=f"rule-{number // 2 % RULES}",
        rule_name="Too hot",
        severity="critical",
        fleet="default",
        nodes=(node,),
        channels=(f"c{number // 2 % RECEIVERS}",),
        title=f"Too hot: {node}",
        text=condition.text,
        conditions=(condition,),
        occurred_at=now,
        onset_at=now,
        fact_arrived_at=now,
        deferred_s=0.0,
        deferred_by="",
        test=False,
    )
