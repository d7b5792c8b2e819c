"""From a fact to a webhook: the whole way, at a thousand node states a second with five hundred rules."""

import asyncio
import contextlib
import json
import statistics
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
from aiohttp import web
from aiokafka import AIOKafkaProducer

from api.notify.documents import CHANNEL, RULE, Documents, Wanted
from infra.bench.fleet import sample
from infra.bench.stack import apart, penstock, wait_until
from infra.bench.table import Table
from schemas.channel_document import canonical, parse
from schemas.events.node_sample import NodeSample
from schemas.kafka import connection, ensure_topics
from schemas.registry import Registry
from schemas.rule_document import parse_rule
from schemas.settings import Settings, load_settings
from schemas.topics import TELEMETRY
from sinks.notify.secrets import SecretBox, sealed

NODES, RULES = 1000, 500
SECONDS, WARM_S = 60, 20
# A node is hot for one second, another one each time: an opening and an end for each.
HOT_EACH_S = 10
HOT_C, LIMIT_C = 99.0, 90.0
DEADLINE_S = 60.0
_TICKS = 50

Taken = dict[str, tuple[str, float]]


def run() -> Table:
    """Measure."""
    with TemporaryDirectory(prefix="penstock-bench-", ignore_cleanup_errors=True) as folder:
        environment = apart(Path(folder)) | {"PENSTOCK_NOTIFIER__ALLOW": "127.0.0.1"}
        settings = load_settings(environment)
        with ExitStack() as running:
            for part in ("kafka", "registry"):
                running.enter_context(penstock([part], environment))
            wait_until(lambda: _ready(settings), "Kafka and registry")
            for part in ("worker", "notifier"):
                running.enter_context(penstock([part], environment))
            for port in (settings.worker.metrics_port, settings.notifier.metrics_port):
                wait_until(lambda at=port: _healthy(at), "worker and notifier")  # type: ignore[misc]
            rows = asyncio.run(_measure(settings))
    return Table(
        f"From a fact to a webhook: {NODES} nodes with one accelerator, {RULES} rules",
        ("node states per s", "due", "delivered", "p50 ms", "p99 ms", "worst ms"),
        rows,
        f"Each node sends a sample a second for {SECONDS} s; {HOT_EACH_S} of them get hot for a second, "
        "others each time. Milliseconds from Kafka's time of the sample that opened or ended it until the "
        f"receiver has read it, the first {WARM_S} s left out: node, rule and notify stage and notifier lie "
        "between. One worker with all stages, one notifier, the broker, the sender and the receiver share "
        "the machine.",
    )


def _ready(settings: Settings) -> bool:
    try:
        httpx.get(f"{settings.registry.url}/subjects", timeout=2, trust_env=False).raise_for_status()
        asyncio.run(ensure_topics(settings.kafka))
    except Exception:  # noqa: BLE001 - whatever a broker that is not there yet makes its client raise
        return False
    return True


def _healthy(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=2, trust_env=False).is_success
    except httpx.HTTPError:
        return False


async def _measure(settings: Settings) -> Sequence[Sequence[object]]:
    taken: Taken = {}
    async with _receiver(taken) as url:
        await _documents(settings, url)
        rate = await _send(settings)
        due = 2 * HOT_EACH_S * SECONDS
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DEADLINE_S):
                while len(taken) < due:
                    await asyncio.sleep(0.05)
    began = min(at for _, at in taken.values()) + WARM_S
    waits = sorted(took for at, took in ((at, _took(body, at)) for body, at in taken.values()) if at >= began)
    quantiles = statistics.quantiles(waits, n=100)
    shown = [f"{seconds * 1000:.0f}" for seconds in (quantiles[49], quantiles[98], waits[-1])]
    return [(f"{rate:.0f}", due, len(taken), *shown)]


def _took(body: str, at: float) -> float:
    """Return the seconds from the fact to the receiver."""
    return at - datetime.fromisoformat(json.loads(body)["data"]["fact_arrived_at"]).timestamp()


@contextlib.asynccontextmanager
async def _receiver(taken: Taken) -> AsyncIterator[str]:
    async def take(request: web.Request) -> web.Response:
        body = await request.text()
        taken.setdefault(request.headers["webhook-id"], (body, time.time()))
        return web.Response()

    app = web.Application()
    app.router.add_post("/", take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


async def _documents(settings: Settings, url: str) -> None:
    """Make the channel and the rules; only the first of them ever fires."""
    channel = {"id": "hook", "kind": "webhook", "rate_per_s": 1000, "settings": {"url": url}}
    kept, _ = sealed(parse(channel), SecretBox.of(settings))
    documents = Documents(settings)
    await documents.change(CHANNEL, "bench", lambda _: [Wanted("hook", canonical(kept))])
    rules = [parse_rule(_rule(number)) for number in range(RULES)]
    await documents.change(RULE, "bench", lambda _: [Wanted(each.id, each.canonical()) for each in rules])


def _rule(number: int) -> Mapping[str, object]:
    fields = ("gpu.temperature_c", "power_w", "cpu_ratio", "memory_used_ratio", "gpu.power_w")
    field, limit = fields[number % len(fields)], LIMIT_C if number == 0 else 1e6 + number
    return {
        "id": f"rule-{number:03d}",
        "source": "node-states",
        "when": {"field": field, "op": ">", "value": limit},
        "notify": {"channels": ["hook"], "cooldown_s": 0},
    }


async def _send(settings: Settings) -> float:
    """Send every node's sample each second, spread over the second; return how many went a second."""
    registry = Registry(settings.registry)
    codec = await registry.codec_when_up(TELEMETRY.events)
    await registry.close()
    producer = AIOKafkaProducer(**connection(settings.kafka), linger_ms=5)
    await producer.start()
    topic, began = TELEMETRY.full_name(settings.kafka), time.monotonic()
    try:
        for tick in range((SECONDS + 2) * _TICKS):
            await asyncio.sleep(max(0.0, began + tick / _TICKS - time.monotonic()))
            for node in range(tick % _TICKS, NODES, _TICKS):
                event = _sample(node, tick // _TICKS)
                await producer.send(topic, codec.encode(event), event.node_id.encode())
        return NODES * (SECONDS + 2) / (time.monotonic() - began)
    finally:
        await producer.stop()


def _sample(node: int, second: int) -> NodeSample:
    event = sample(node, 1, second, time.time_ns() // 1000)
    hot = second < SECONDS and node // HOT_EACH_S == second
    if not hot:
        return event
    return event._replace(gpus=tuple(gpu._replace(temperature_c=HOT_C) for gpu in event.gpus))
