"""``penstock queue`` against a router that runs."""

import io
import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from tests.api.router.crowd import CHAT, Held, status
from tests.api.router.fleet import Fleet, Router, until
from tests.api.router.standin import looped
from tests.infra.cli.conftest import Run

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    with looped() as loop:
        made = Fleet(loop, tmp_path)
        yield made
        made.close()


@pytest.fixture
def busy(fleet: Fleet) -> Iterator[Router]:
    """Give a router with one request in flight and one that waits."""
    held = Held()
    fleet.upstream(models={"m": held}, name="gpu-1", slots=1)
    router = fleet.router()
    with ThreadPoolExecutor(2) as pool:
        for _ in range(2):
            pool.submit(router.post, CHAT, {"model": "m", "messages": [{"role": "user", "content": "hello"}]})
        until(
            lambda: (status(router)["in_flight"], status(router)["waiting"]) == (1, 1),
            lambda: f"{router.outcomes()} {status(router)}",
        )
        yield router
        router.http.post("/queue/nodes/gpu-1/resume")
        held.let_go()


def test_a_look_at_the_queue(penstock: Run, busy: Router) -> None:
    shown = penstock("queue", "--url", busy.url)
    assert shown.status == 0
    assert "1 waiting, 1 in flight" in shown.out
    assert "all places of m are taken" in shown.out
    found = json.loads(penstock("queue", "--json", "--url", busy.url).out)
    assert (found["waiting"], len(found["tickets"])) == (1, 1)
    assert json.loads(penstock("queue", "--json", "--tickets", "0", "--url", busy.url).out)["tickets"] == []


def test_requests_are_cancelled(penstock: Run, busy: Router) -> None:
    (ticket,) = status(busy)["tickets"]
    done = penstock("queue", "cancel", ticket["id"], "--url", busy.url)
    assert (done.status, done.out) == (0, f"cancelled {ticket['id']}, for m\n")
    again = penstock("queue", "cancel", ticket["id"], "--url", busy.url)
    assert (again.status, "waits" in again.err) == (1, True)


def test_all_are_cancelled_once_it_is_meant(
    penstock: Run, busy: Router, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert penstock("queue", "cancel-all", "--model", "other", "--url", busy.url).out == "cancelled 0\n"
    monkeypatch.setattr("sys.stdin", io.StringIO())  # nobody answers
    assert penstock("queue", "cancel-all", "--url", busy.url).status != 0
    assert status(busy)["waiting"] == 1
    assert penstock("queue", "cancel-all", "--yes", "--url", busy.url).out == "cancelled 1\n"


def test_nodes_rest_and_go_on(penstock: Run, fleet: Fleet) -> None:
    fleet.upstream(name="gpu-1")
    router = fleet.router()

    def run(*arguments: str) -> str:
        done = penstock("queue", *arguments, "--url", router.url)
        assert done.status == 0, done.err
        return done.out

    assert run("pause", "gpu-1") == "gpu-1 is paused; 0 in flight may end\n"
    assert json.loads(run("nodes", "--json")) == [
        {"node_id": "gpu-1", "paused": True, "in_flight": 0, "drained": True}
    ]
    assert "gpu-1" in run("nodes")
    assert run("resume", "gpu-1") == "gpu-1 gets requests again\n"
    assert run("drain", "gpu-1", "--wait", "5") == "gpu-1 is paused and empty\n"
    unknown = penstock("queue", "pause", "gpu-9", "--url", router.url)
    assert (unknown.status, "gpu-1" in unknown.err) == (1, True)


def test_a_model_is_loaded_ahead(penstock: Run, fleet: Fleet) -> None:
    cold = fleet.upstream("ollama", name="gpu-1")
    cold.loaded = set()
    router = fleet.router()
    done = penstock("queue", "warm", "m", "--node", "gpu-1", "--url", router.url)
    assert (done.status, done.out.startswith("m is in memory at gpu-1, after ")) == (0, True)
    assert penstock("queue", "warm", "m", "--url", router.url).out == "m is in memory\n"
    unknown = penstock("queue", "warm", "n", "--url", router.url)
    assert (unknown.status, "no upstream has n" in unknown.err) == (1, True)
    assert json.loads(penstock("queue", "pulls", "--json", "--url", router.url).out) == []
    assert penstock("queue", "pulls", "--url", router.url).status == 0


def test_a_drain_that_does_not_end_in_time_fails(penstock: Run, busy: Router) -> None:
    done = penstock("queue", "drain", "gpu-1", "--wait", "0", "--url", busy.url)
    assert (done.status, "1 in flight" in done.err) == (1, True)


def test_a_router_that_is_away(penstock: Run) -> None:
    done = penstock("queue", "--url", "http://127.0.0.1:9")
    assert (done.status, "penstock router" in done.err) == (1, True)


def test_a_terminal_shows_it_live_until_interrupted(busy: Router) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "infra.cli.main", "queue", "--interval", "0.1", "--url", busy.url]
    shown = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, cwd=ROOT)
    os.close(theirs)
    try:
        seen = b""
        while b"1 waiting" not in seen:
            seen += os.read(ours, 65536)
        busy.http.post("/queue/cancel-all")
        while b"0 waiting" not in seen:
            seen += os.read(ours, 65536)
        shown.send_signal(signal.SIGINT)
        os.set_blocking(ours, False)
        until(lambda: read(ours) and shown.poll() is not None)
        assert shown.returncode == 130
    finally:
        shown.kill()
        shown.wait()
        os.close(ours)


def read(terminal: int) -> bool:
    """Take what a program writes at its end, so that it can."""
    with suppress(OSError):
        os.read(terminal, 65536)
    return True
