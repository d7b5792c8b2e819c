"""Real processes of this machine that look like runtimes."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from producers.node.discovery.processes import Process, Processes
from tests.fixtures.ports import free_port

LISTEN = """
import socket, sys
server = socket.create_server(("127.0.0.1", int(sys.argv[-1])))
print("ready", flush=True)
sys.stdin.read()
"""
WAIT = "import sys; print('ready', flush=True); sys.stdin.read()"


@contextmanager
def started(argv: list[str], **environ: str) -> Iterator[int]:
    """Run this Python under another name and with other arguments, as the runtimes look from outside."""
    process = subprocess.Popen(
        argv,
        executable=sys.executable,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | environ,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        yield process.pid
    finally:
        process.kill()
        process.communicate()


def of(pid: int, processes: Processes) -> Process | None:
    return next((each for each in processes.scan() if each.pid == pid), None)


@pytest.fixture
def server(tmp_path: Path) -> Callable[..., list[str]]:
    """Arguments of a llama-server that listens where the last one says."""
    file = tmp_path / "serve.py"
    file.write_text(LISTEN)

    def argv(port: int, *more: str) -> list[str]:
        return ["/opt/llama-server", str(file), *more, str(port)]

    return argv


def test_port_by_its_arguments_and_no_secret(server: Callable[..., list[str]]) -> None:
    port = free_port()
    with started(server(port, "--api-key", "hidden-value", "--port", str(port), "-x")) as pid:
        found = of(pid, Processes())
    assert found is not None
    assert found.runtime is not None
    assert (found.runtime.kind, found.runtime.port) == ("llamacpp", port)
    assert "hidden-value" not in found.command_line


def test_port_by_its_socket(server: Callable[..., list[str]]) -> None:
    port = free_port()
    with started(server(port)) as pid:
        found = of(pid, Processes())
    assert found is not None
    assert found.ports == (port,)


def test_port_by_its_environment(server: Callable[..., list[str]]) -> None:
    with started(server(free_port()), LLAMA_ARG_PORT="18099") as pid:
        found = of(pid, Processes())
    assert found is not None
    assert (found.environment_url, found.ports) == ("http://127.0.0.1:18099", ())


def test_it_is_gone_when_it_ended(server: Callable[..., list[str]]) -> None:
    processes = Processes()
    with started(server(free_port())) as pid:
        assert of(pid, processes) is not None
    assert of(pid, processes) is None


def test_what_is_old_and_of_no_interest_is_not_inspected_at_every_scan(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    inspected: list[int] = []
    pids = [pid for pid in psutil.pids() if pid != os.getpid()][:20]

    class Watched(psutil.Process):
        def cmdline(self) -> list[str]:
            inspected.append(self.pid)
            return super().cmdline()

    monkeypatch.setattr(psutil, "Process", Watched)
    monkeypatch.setattr(psutil, "pids", lambda: pids)
    processes = Processes(clock=lambda: 4e9)  # all of them are old
    processes.scan()
    first = len(inspected)
    for _ in range(12):
        processes.scan()
    assert len(inspected) <= 2 * first, "once more in twelve scans"


def test_processes_that_vanish_while_they_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psutil, "pids", lambda: [2**22 + 1, 2**22 + 2])
    assert Processes().scan() == ()
