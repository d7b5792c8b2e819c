"""What a hop is measured between, and the hops: each a process of its own on a free port of loopback."""

import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import orjson

from infra.bench.stack import penstock, wait_until
from schemas.settings import Settings

READY_S = 60.0
Process = subprocess.Popen[bytes]


@contextmanager
def upstream() -> Iterator[int]:
    """Run the stand-in for a server of models; yield its port."""
    with _module("infra.bench.hop.upstream") as port:
        yield port


@contextmanager
def bare(upstream: int) -> Iterator[int]:
    """Run the barest hop to a port; yield its own."""
    with _module("infra.bench.hop.bare", f"http://127.0.0.1:{upstream}") as port:
        yield port


@contextmanager
def router(
    upstreams: Sequence[Mapping[str, object]], settings: Settings | None
) -> Iterator[tuple[int, Process]]:
    """Run a router; yield its port and process. ``settings`` say where Kafka is; None: it tells no events."""
    kafka = {"PENSTOCK_ROUTER__FACTS": "false"}
    if settings is not None:
        kafka = {
            "PENSTOCK_KAFKA__BOOTSTRAP_SERVERS": settings.kafka.bootstrap_servers,
            "PENSTOCK_REGISTRY__URL": settings.registry.url,
        }
    with tempfile.TemporaryDirectory(prefix="penstock-bench-", ignore_cleanup_errors=True) as folder:
        port = free_port()
        told = {
            "PENSTOCK_DATA_DIR": folder,
            "PENSTOCK_LOG__LEVEL": "error",
            "PENSTOCK_ROUTER__PORT": str(port),
            "PENSTOCK_ROUTER__DRAIN_S": "1",
            "PENSTOCK_ROUTER__UPSTREAMS": orjson.dumps(list(upstreams)).decode(),
        }
        with penstock(["router"], {**clean(), **told, **kafka}) as process:
            wait(port)
            yield port, process


def clean() -> dict[str, str]:
    """Return the environment without settings of Penstock."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PENSTOCK_")}


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port


def wait(port: int) -> None:
    """Return when something listens on a port.

    Raises:
        UnavailableError: nothing did within ``READY_S``.
    """
    wait_until(lambda: _listens(port), f"what listens on port {port}", READY_S)


@contextmanager
def running(
    command: Sequence[str], environment: Mapping[str, str], folder: Path | None = None
) -> Iterator[Process]:
    """Run a command while the block runs; what it prints is dropped."""
    process = subprocess.Popen(
        command, env=dict(environment), cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(READY_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def _module(name: str, *arguments: str) -> Iterator[int]:
    port = free_port()
    with running([sys.executable, "-m", name, str(port), *arguments], os.environ):
        wait(port)
        yield port


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
