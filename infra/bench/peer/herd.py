"""Ollama Herd's router in front of the stand-in, which several nodes are said to be."""

import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from infra.bench.hop.ends import clean, free_port, running, wait
from infra.bench.peer.installed import Package, installed
from infra.bench.stack import wait_until

PACKAGE = Package("ollama-herd", "0.11.4")
NODES = 8
"""It sends a node at most eight requests at once: with so many the nodes are not what limits."""
_BEAT_S = 3.0
_READY_S = 60.0
# It announces itself to the network and has no setting against that: it is given nothing to announce with.
_LAUNCH = """
import sys
import zeroconf.asyncio

class Silent:
    async def async_register_service(self, *_, **__): ...
    async def async_close(self): ...

zeroconf.asyncio.AsyncZeroconf = Silent
from fleet_manager.cli.server_cli import main
sys.argv[0] = "herd"
main()
"""
# What it would do beside serving: ask others, load models, tell of itself.
_QUIET = {
    "FLEET_ENV_FILE": "/dev/null",
    "FLEET_TELEMETRY": "false",
    "FLEET_NODE_TELEMETRY": "false",
    "FLEET_AUTO_PULL": "false",
    "FLEET_VRAM_FALLBACK": "false",
    "FLEET_FLEET_INTELLIGENCE": "false",
    "FLEET_DISABLE_MODEL_PRELOADER": "true",
    "FLEET_LOG_LEVEL": "WARNING",
    "FLEET_CONSOLE_LOG_LEVEL": "WARNING",
}


@contextmanager
def herd(upstream: int, model: str) -> Iterator[int]:
    """Run it in front of a port; yield its own."""
    python = installed(PACKAGE)
    with tempfile.TemporaryDirectory(prefix="penstock-bench-", ignore_cleanup_errors=True) as name:
        port = free_port()
        environment = {**clean(), **_QUIET, "HOME": name, "FLEET_DATA_DIR": str(Path(name) / "data")}
        where = ("--host", "127.0.0.1", "--port", str(port))
        command = (str(python), "-c", _LAUNCH, *where, "--log-level", "WARNING")
        with running(command, environment, Path(name)):
            wait(port)
            with _beating(f"http://127.0.0.1:{port}", upstream, model):
                yield port


@contextmanager
def _beating(url: str, upstream: int, model: str) -> Iterator[None]:
    """Tell it of the nodes, again and again, as their agents would."""
    beats = [heartbeat(f"node-{number}", upstream, model) for number in range(NODES)]
    over = threading.Event()

    def beat() -> bool:
        try:
            for told in beats:
                httpx.post(f"{url}/heartbeat", json=told, timeout=10, trust_env=False).raise_for_status()
        except httpx.TransportError:
            return False
        return True

    def beat_on() -> None:
        while not over.wait(_BEAT_S):
            beat()

    wait_until(beat, "Ollama Herd", _READY_S)
    beating = threading.Thread(target=beat_on, daemon=True)
    beating.start()
    try:
        yield
    finally:
        over.set()
        beating.join()


def heartbeat(node: str, upstream: int, model: str) -> Mapping[str, Any]:
    """Return what the agent of a node with room, and the model in memory, tells."""
    name = f"{model}:latest"
    return {
        "node_id": node,
        "arch": "apple_silicon",
        "cpu": {"cores_physical": 16, "utilization_pct": 5.0},
        "memory": {"total_gb": 512.0, "used_gb": 32.0, "available_gb": 480.0, "pressure": "normal"},
        "ollama": {
            "models_loaded": [{"name": name, "size_gb": 1.0, "context_length": 8192}],
            "models_available": [name],
            "models_available_sizes": {name: 1.0},
            "num_parallel": 8,
        },
        "ollama_host": f"http://localhost:{upstream}",
    }
