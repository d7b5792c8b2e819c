"""What the router adds to a request: against the barest hop, in one run, with a stand-in upstream."""

import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import psutil
import uvloop

from infra.bench.hop import load
from infra.bench.hop.load import Load
from infra.bench.stack import penstock, servers, wait_until
from infra.bench.table import Table
from schemas.kafka import ensure_topics
from schemas.settings import Settings

SECONDS = 6.0
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
            "router without events, requests/s", "router, requests/s", "router / bare hop", "added p50, ms",
            "added p50 of the bare hop, ms", "p99, ms",
        ),
        rows,
        "The bare hop is uvicorn and aiohttp that look at nothing. The router queues, "
        "chooses, and sends its events to Kafka. All of them, Kafka and what asks share the machine. "
        "Added is beside the upstream alone. "
        f"{STREAMS} streams open at once: {many.alive} with tokens to the end, {many.failed} failed, "
        f"{many.bytes_each / 1000:.0f} kB each.",
    )  # fmt: skip


def _row(clients: int, stream: bool, ports: dict[str, int]) -> Sequence[object]:
    asked = load.request(_PATH, "fast", stream=stream)
    found = {name: load.run(port, asked, clients=clients, seconds=SECONDS) for name, port in ports.items()}
    alone, bare, router = found["upstream"], found["bare"], found["events"]
    errors = {name: measured.errors for name, measured in found.items() if measured.errors}
    return (
        ("stream" if stream else "one piece") + (f" (errors: {errors})" if errors else ""),
        clients,
        round(alone.per_s),
        round(bare.per_s),
        round(found["router"].per_s),
        round(router.per_s),
        f"{router.per_s / bare.per_s:.2f}",
        f"{_added(router, alone):.2f}",
        f"{_added(bare, alone):.2f}",
        f"{router.quantile_ms(0.99):.2f}",
    )


def _added(hop: Load, alone: Load) -> float:
    return hop.quantile_ms(0.5) - alone.quantile_ms(0.5)


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
        ports = {name: _free_port() for name in ("upstream", "bare", "router", "events")}
        url = f"http://127.0.0.1:{ports['upstream']}"
        running.enter_context(_module("infra.bench.hop.upstream", str(ports["upstream"])))
        _wait(ports["upstream"])
        running.enter_context(_module("infra.bench.hop.bare", str(ports["bare"]), url))
        _wait(ports["bare"])
        process = running.enter_context(_router(ports["router"], url, {"PENSTOCK_ROUTER__FACTS": "false"}))
        if settings is not None:
            asyncio.run(ensure_topics(settings.kafka))
            kafka = {
                "PENSTOCK_KAFKA__BOOTSTRAP_SERVERS": settings.kafka.bootstrap_servers,
                "PENSTOCK_REGISTRY__URL": settings.registry.url,
            }
            process = running.enter_context(_router(ports["events"], url, kafka))
        yield ports, psutil.Process(process.pid)


@contextmanager
def _router(port: int, upstream: str, more: Mapping[str, str]) -> Iterator["subprocess.Popen[bytes]"]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PENSTOCK_")}
    with tempfile.TemporaryDirectory(prefix="penstock-bench-", ignore_cleanup_errors=True) as folder:
        told = {
            "PENSTOCK_DATA_DIR": folder,
            "PENSTOCK_LOG__LEVEL": "error",
            "PENSTOCK_ROUTER__PORT": str(port),
            "PENSTOCK_ROUTER__DRAIN_S": "1",
            "PENSTOCK_ROUTER__UPSTREAMS": json.dumps([{"url": upstream, "kind": "vllm"}]),
        }
        with penstock(["router"], {**environment, **told, **more}) as process:
            _wait(port)
            yield process


@contextmanager
def _module(name: str, *arguments: str) -> Iterator[None]:
    process = subprocess.Popen([sys.executable, "-m", name, *arguments], stdin=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def _wait(port: int) -> None:
    wait_until(lambda: _listens(port), f"what listens on port {port}", 30.0)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port
