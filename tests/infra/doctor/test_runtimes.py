"""What the agent would find, among runtimes that are named: what else runs on this machine is not asked."""

import asyncio
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from infra.doctor import runtimes
from infra.doctor.finding import Finding
from producers.node.discovery import finder
from producers.node.runtimes import http
from schemas.settings import NodeSettings, Settings
from tests.producers.node.runtimes.runtime_server import RuntimeServer, models, serving

NOWHERE = "http://127.0.0.1:1"
OLLAMA: Mapping[str, Any] = {
    "/api/version": {"version": "0.17.4"},
    "/api/ps": {"models": []},
    "/api/tags": {"models": []},
}


@contextmanager
def running(*servers: RuntimeServer) -> Iterator[None]:
    """Serve in a thread, for the check has a loop of its own."""
    ready, loop = threading.Event(), asyncio.new_event_loop()
    end = asyncio.Event()

    async def serve() -> None:
        for server in servers:
            held = serving(server)
            await held.__aenter__()
            opened.append(held)
        ready.set()
        await end.wait()
        for held in opened:
            await held.__aexit__(None, None, None)

    opened: list[Any] = []
    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    try:
        assert ready.wait(20)
        yield
    finally:
        loop.call_soon_threadsafe(end.set)
        thread.join()
        loop.close()


def look(**node: Any) -> Finding:
    return runtimes.runtimes(Settings(node=NodeSettings(**{"discover": False, **node})))


def test_each_that_answers_is_named_with_its_version() -> None:
    ollama = RuntimeServer({**OLLAMA})
    vllm = RuntimeServer(
        {
            "/v1/models": models("m", owner="vllm"),
            "/version": {"version": "0.11.0"},
            "/metrics": 'vllm:num_requests_running{engine="0",model_name="m"} 1.0\n',
        }
    )
    llamacpp = RuntimeServer(
        {"/v1/models": models("m", owner="llamacpp"), "/props": {"build_info": "b7000"}, "/slots": []}
    )
    with running(ollama, vllm, llamacpp):
        finding = look(ollama_url=ollama.url, runtimes=f"{vllm.url},llamacpp={llamacpp.url}")
    assert finding.verdict == "ok", finding
    for text in (f"Ollama 0.17.4 at {ollama.url}", f"vLLM 0.11.0 at {vllm.url}", "llama.cpp b7000 at"):
        assert text in finding.detail


def test_one_that_is_away_is_missed_beside_one_that_answers() -> None:
    ollama = RuntimeServer({**OLLAMA})
    with running(ollama):
        finding = look(ollama_url=ollama.url, runtimes=f"vllm={NOWHERE}")
    assert finding.verdict == "warn"
    assert f"Ollama 0.17.4 at {ollama.url}" in finding.detail
    assert f"vllm:1: nothing listens at {NOWHERE}" in finding.detail
    assert "node.runtimes" in finding.advice


def test_an_address_where_no_runtime_answers_is_named() -> None:
    finding = look(runtimes=NOWHERE)
    assert (finding.verdict, finding.detail) == ("warn", f"{NOWHERE}: no runtime answers")


def test_one_that_hangs_is_told_and_does_not_hold_the_check(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "REQUEST_S", 0.2)
    monkeypatch.setattr(finder, "IDENTIFY_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts, and never answers
        port = silent.getsockname()[1]
        finding = look(runtimes=f"vllm=http://127.0.0.1:{port}")
    assert finding.verdict == "warn"
    assert finding.detail.startswith(f"vllm:{port}: ")


def test_none_is_a_warning_that_says_how_one_is_named() -> None:
    finding = look()
    assert (finding.verdict, finding.detail) == ("warn", "none named, and node.discover is off")
    assert "PENSTOCK_NODE__RUNTIMES" in finding.advice
    assert runtimes.judge(NodeSettings(), ()).detail == "none found"
