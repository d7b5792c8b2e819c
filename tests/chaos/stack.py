"""The whole of Penstock as ``penstock up`` runs it, on free ports, and a hand that kills its parts."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil

from schemas.settings import Settings, load_settings
from tests.fixtures.ports import free_port
from tests.fixtures.processes import wait_until

READY_S = 180.0
STOP_S = 60.0
_PORTS = (
    "EMBEDDED__KAFKA_PORT",
    "EMBEDDED__KAFKA_CONTROLLER_PORT",
    "EMBEDDED__CLICKHOUSE_PORT",
    "EMBEDDED__REGISTRY_PORT",
    "API__PORT",
    "ROUTER__PORT",
    "NODE__METRICS_PORT",
    "WORKER__METRICS_PORT",
    "SINK__METRICS_PORT",
    "NOTIFIER__METRICS_PORT",
)


def environment(data_dir: Path) -> dict[str, str]:
    """Return the settings of a stack of its own."""
    own = {f"PENSTOCK_{name}": str(free_port()) for name in _PORTS}
    return own | {
        "PENSTOCK_DATA_DIR": str(data_dir),
        "PENSTOCK_EMBEDDED__KAFKA_HEAP_MB": "256",
        "PENSTOCK_CLOCK__INTERVAL_S": "1",
        "PENSTOCK_NODE__INTERVAL_S": "0.2",
        "PENSTOCK_KAFKA__PARTITIONS": "3",
    }


class Stack:
    """A running ``penstock up``."""

    def __init__(
        self,
        process: "subprocess.Popen[bytes]",
        settings: Settings,
        log: Path,
        variables: Mapping[str, str],
    ) -> None:
        self.process = process
        self.variables = variables
        self.settings = settings
        self.log = log

    def pids(self, part: str) -> list[int]:
        """Return the processes of a part; for Kafka the Java process, which is the broker."""
        try:
            children = psutil.Process(self.process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []
        return [child.pid for child in children if _is(child, part)]

    def kill(self, part: str) -> None:
        """End a part with SIGKILL, at once."""
        for pid in self.pids(part):
            os.kill(pid, signal.SIGKILL)

    def sql(self, query: str) -> list[dict[str, object]]:
        """Return the rows of a query that the store itself answers."""
        database = self.settings.clickhouse.database
        url = f"{self.settings.clickhouse.url}/?default_format=JSON&database={database}"
        answer = httpx.post(url, content=query, timeout=60)
        answer.raise_for_status()
        rows: list[dict[str, object]] = answer.json()["data"]
        return rows

    def ready(self) -> bool:
        """Return whether a first row is there, and every part that answers people and programs does.

        A row may be there before the API is: it comes after the store, the row after the sink.
        """
        settings = self.settings
        urls = (
            f"http://127.0.0.1:{settings.api.port}/readyz",
            f"http://127.0.0.1:{settings.router.port}/healthz",
            f"http://127.0.0.1:{settings.notifier.metrics_port}/healthz",
        )
        rows = "SELECT toUInt8(count() > 0) AS found FROM node_samples"
        return all(answered(url) for url in urls) and self.answers(rows, 1)

    def answers(self, query: str, wanted: object) -> bool:
        """Return whether the first value of a query is the one wanted; False while the store is away."""
        try:
            rows = self.sql(query)
        except (httpx.HTTPError, ValueError):
            return False
        return bool(rows) and next(iter(rows[0].values())) == wanted


def answered(url: str) -> bool:
    """Return whether something answers there, and says that it is well."""
    try:
        return httpx.get(url, timeout=5).is_success
    except httpx.HTTPError:
        return False


def _is(process: psutil.Process, part: str) -> bool:
    try:
        words = process.cmdline()
    except psutil.Error:
        return False
    if part == "kafka":
        return "kafka.Kafka" in words
    return part in words and any("penstock" in word or "infra.cli" in word for word in words)


@contextmanager
def running_stack(data_dir: Path, more: Mapping[str, str] | None = None) -> Iterator[Stack]:
    """Run everything; ready when entered, stopped in good order when left. ``more``: further settings."""
    variables = environment(data_dir) | dict(more or {})
    log = data_dir.parent / "up.out"
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PENSTOCK_")}
    command = [sys.executable, "-m", "infra.cli.main", "up"]
    with log.open("ab") as output:
        process = subprocess.Popen(command, env=clean | variables, stdout=output, stderr=output)
    stack = Stack(process, load_settings(variables), log, variables)
    try:
        wait_until(
            lambda: process.poll() is not None or stack.ready(),
            deadline_s=READY_S,
            what="every part ready, and a first row",
        )
        assert process.poll() is None, log.read_text("utf-8", "replace")[-4000:]
        yield stack
    finally:
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
