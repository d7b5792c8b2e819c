"""The command: a process that serves, and stops when it is told to."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.api.router.fleet import until
from tests.fixtures.ports import free_port
from tests.infra.cli.conftest import Run


def test_it_serves_and_stops(tmp_path: Path) -> None:
    port = free_port()
    told = {
        "PENSTOCK_DATA_DIR": str(tmp_path),
        "PENSTOCK_ROUTER__PORT": str(port),
        "PENSTOCK_ROUTER__UPSTREAMS": '[{"url": "http://127.0.0.1:9", "kind": "ollama", "models": ["m"]}]',
        "PENSTOCK_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:9",
        "PENSTOCK_REGISTRY__URL": "http://127.0.0.1:9",
    }
    command = [sys.executable, "-m", "infra.cli.main", "router"]
    process = subprocess.Popen(command, env={**os.environ, **told}, stderr=subprocess.DEVNULL)
    try:
        until(lambda: _models(port) == ["m"])
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()


def _models(port: int) -> list[str]:
    try:
        answer = httpx.get(f"http://127.0.0.1:{port}/v1/models", trust_env=False)
    except httpx.TransportError:
        return []
    return [model["id"] for model in answer.json()["data"]]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("HOST", "0.0.0.0", "no API key exists"),
        ("UPSTREAMS", '[{"url": "somewhere"}]', "router.upstreams.0.url"),
        ("UPSTREAMS", "http://127.0.0.1:9", "a JSON list"),
        ("UPSTREAMS", '[{"url": "http://127.0.0.1:9"}, {"url": "http://127.0.0.1:9"}]', "the same name"),
    ],
)
def test_settings_that_cannot_work_are_refused(
    penstock: Run, monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(f"PENSTOCK_ROUTER__{name}", value)
    monkeypatch.setenv("PENSTOCK_ROUTER__PORT", str(free_port()))
    found = penstock("router")
    assert found.status == 2
    assert said in found.err
