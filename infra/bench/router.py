"""What the router adds to a request: against the barest hop, in one run, with a stand-in upstream."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import psutil
import uvloop

from infra.bench.hop import ends, load, rounds
from infra.bench.stack import servers
from infra.bench.table import Table
from schemas.kafka import ensure_topics
from schemas.settings import Settings

CLIENTS = (1, 32)
STREAMS = 5000
HOLD_S = 12.0
_PATH = "/v1/chat/completions"


def run() -> Table:
    """Measure answers in one piece and streams of 16 tokens, then many streams that stay open."""
    load.raise_open_files()
    with servers() as settings, _ends(settings) as (ports, process):
        rows = [_row(clients, stream, ports) for stream in (False, True) for clients in CLIENTS]
        many = _held(ports["events"], process)
    return Table(
        "The router's hop",
        (
            "what", "clients", "upstream alone, requests/s", "bare hop, requests/s",
            "router without events, requests/s", "router, requests/s", "without events / bare hop",
            "router / bare hop", "added p50, ms", "added p50 of the bare hop, ms", "p99, ms",
            "p99 of the bare hop, ms",
        ),
        rows,
        "The bare hop is uvicorn and aiohttp that look at nothing. The router queues, chooses, and sends its "
        "events to Kafka; one process serves, one tells the events. All of them, Kafka and what asks share "
        f"the machine. {rounds.HOW} Added is beside the upstream alone. "
        f"{STREAMS} streams open at once: {many.alive} with tokens to the end, {many.failed} failed, "
        f"{many.bytes_each / 1000:.0f} kB each.",
    )  # fmt: skip


def _row(clients: int, stream: bool, ports: Mapping[str, int]) -> Sequence[object]:
    asked = load.request(_PATH, "fast", stream=stream)
    found = rounds.measure({name: (port, asked) for name, port in ports.items()}, clients=clients)
    errors = found.errors()
    return (
        ("stream" if stream else "one piece") + (f" (errors: {errors})" if errors else ""),
        clients,
        *(round(found.per_s(name)) for name in ("upstream", "bare", "router", "events")),
        f"{found.ratio('router', 'bare'):.2f}",
        f"{found.ratio('events', 'bare'):.2f}",
        f"{found.added_ms('events', 'upstream'):.2f}",
        f"{found.added_ms('bare', 'upstream'):.2f}",
        f"{found.quantile_ms('events', 0.99):.2f}",
        f"{found.quantile_ms('bare', 0.99):.2f}",
    )


@dataclass(frozen=True, slots=True)
class Held:
    """Streams that stayed open: how many got tokens to the end, how many failed, and memory for each."""

    alive: int
    failed: int
    bytes_each: float


def held() -> Held:
    """Hold many streams open at once, over a router of their own."""
    load.raise_open_files()
    with _ends(None) as (ports, process):
        return _held(ports["router"], process)


def _held(port: int, process: psutil.Process) -> Held:
    before = process.memory_info().rss
    asked = load.request(_PATH, "held", stream=True)
    memory: list[int] = []

    async def measured() -> tuple[int, int]:
        loop = asyncio.get_running_loop()
        loop.call_later(HOLD_S - 1, lambda: memory.append(process.memory_info().rss))
        return await load.hold(port, asked, streams=STREAMS, seconds=HOLD_S)

    alive, failed = uvloop.run(measured())
    return Held(alive, failed, (memory[0] - before) / STREAMS)


@contextmanager
def _ends(settings: Settings | None) -> Iterator[tuple[dict[str, int], psutil.Process]]:
    """Run upstream, bare hop and routers; yield their ports, and the process of the last router.

    ``settings`` say where Kafka and the registry are; None: there is no router that tells events.
    """
    with ExitStack() as running:
        upstream = running.enter_context(ends.upstream())
        ports = {"upstream": upstream, "bare": running.enter_context(ends.bare(upstream))}
        served = [{"url": f"http://127.0.0.1:{upstream}", "kind": "vllm"}]
        ports["router"], process = running.enter_context(ends.router(served, None))
        if settings is not None:
            asyncio.run(ensure_topics(settings.kafka))
            ports["events"], process = running.enter_context(ends.router(served, settings))
        yield ports, psutil.Process(process.pid)
