"""A router as a process of its own, which can be killed."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil

from schemas.settings import KafkaSettings
from tests.fixtures.processes import wait_until


class RouterProcess:
    """A running ``penstock router``."""

    def __init__(self, process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
        self.process = process
        self.port = port
        self.log = log

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ready(self) -> bool:
        assert self.process.poll() is None, self.log.read_text("utf-8", "replace")[-4000:]
        try:
            upstreams = httpx.get(f"{self.url}/router/upstreams", timeout=5, trust_env=False).json()
            return all(upstream["models"] for upstream in upstreams)
        except httpx.TransportError:
            return False

    def metrics(self) -> dict[str, float]:
        lines = httpx.get(f"{self.url}/metrics", timeout=10, trust_env=False).text.splitlines()
        return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if line[0] != "#"}

    def kill(self) -> None:
        """End it with SIGKILL; the process that tells its facts goes on to the end of them."""
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def kill_all(self) -> None:
        """End it and the process that tells its facts, as a power cut does."""
        clerk = self.clerk()
        os.kill(self.process.pid, signal.SIGSTOP)  # so that it does not start another one
        clerk.kill()
        self.kill()

    def clerk(self) -> psutil.Process:
        """Return the process that tells its facts."""
        (found,) = psutil.Process(self.process.pid).children()
        return found


@contextmanager
def router_process(
    data_dir: Path, port: int, upstream: str, kafka: KafkaSettings, registry: str, **told: Any
) -> Iterator[RouterProcess]:
    """Run a router; ready when entered, stopped in good order when left, unless it was killed before."""
    settings = {
        "DATA_DIR": str(data_dir),
        "KAFKA__BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "KAFKA__TOPIC_PREFIX": kafka.topic_prefix,
        "REGISTRY__URL": registry,
        "ROUTER__PORT": str(port),
        "ROUTER__NODES": "false",
        "ROUTER__DRAIN_S": "0.5",
        "ROUTER__ASK_INTERVAL_S": "0.2",
        "ROUTER__UPSTREAMS": json.dumps([{"url": upstream, "kind": "vllm", "slots": 16}]),
        **{f"ROUTER__{name.upper()}": str(value) for name, value in told.items()},
    }
    log = data_dir / f"router-{port}.out"
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "infra.cli.main", "router"],
            env=_environment(settings),
            stdout=output,
            stderr=output,
        )
    router = RouterProcess(process, port, log)
    try:
        wait_until(router.ready, deadline_s=60, what="the router")
        yield router
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _environment(settings: Mapping[str, str]) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PENSTOCK_")}
    return clean | {f"PENSTOCK_{name}": value for name, value in settings.items()}
