"""A Kafka, a registry and a store of their own for a benchmark, on free ports, in a temporary folder."""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx

from schemas.errors import UnavailableError
from schemas.settings import Settings, load_settings

START_S = 180.0
STOP_S = 30.0
POLL_S = 0.05
PORTS = (
    *("EMBEDDED__KAFKA_PORT", "EMBEDDED__KAFKA_CONTROLLER_PORT", "EMBEDDED__CLICKHOUSE_PORT"),
    *("EMBEDDED__REGISTRY_PORT", "API__PORT", "ROUTER__PORT"),
    *("WORKER__METRICS_PORT", "SINK__METRICS_PORT", "NODE__METRICS_PORT", "NOTIFIER__METRICS_PORT"),
)


def apart(folder: Path) -> dict[str, str]:
    """Return the environment of a Penstock that shares neither folder nor port with another."""
    with ExitStack() as held:
        probes = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in PORTS]
        ports = {
            f"PENSTOCK_{name}": str(probe.getsockname()[1]) for name, probe in zip(PORTS, probes, strict=True)
        }
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PENSTOCK_")}
    return kept | ports | {"PENSTOCK_DATA_DIR": str(folder), "PENSTOCK_LOG__LEVEL": "error"}


@contextmanager
def servers() -> Iterator[Settings]:
    """Run Kafka, registry and store while the block runs.

    Raises:
        UnavailableError: one of them does not start.
    """
    with tempfile.TemporaryDirectory(prefix="penstock-bench-", ignore_cleanup_errors=True) as folder:
        environment = apart(Path(folder))
        settings = load_settings(environment)
        with ExitStack() as running:
            for part in ("kafka", "store", "registry"):
                running.enter_context(penstock([part], environment))
            wait_until(lambda: _answer(settings), "Kafka, registry and store")
            yield settings


@contextmanager
def penstock(arguments: Sequence[str], environment: Mapping[str, str]) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a command of Penstock while the block runs, then end it as Ctrl-C does."""
    command = [sys.executable, "-m", "infra.cli.main", *arguments]
    process = subprocess.Popen(
        command, env=dict(environment), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_until(condition: Callable[[], bool], what: str, within_s: float = START_S) -> float:
    """Return after how many seconds the condition held.

    Raises:
        UnavailableError: it did not within ``within_s``.
    """
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > within_s:
            raise UnavailableError(f"{what}: not there after {within_s:.0f} s")
        time.sleep(POLL_S)
    return time.monotonic() - began


def _answer(settings: Settings) -> bool:
    host, _, port = settings.kafka.bootstrap_servers.rpartition(":")
    try:
        with socket.create_connection((host, int(port)), 1):
            pass
        for url in (f"{settings.registry.url}/subjects", f"{settings.clickhouse.url}/ping"):
            httpx.get(url, timeout=2, trust_env=False).raise_for_status()
    except (OSError, httpx.HTTPError):
        return False
    return True
