"""The supervisor as a process: however it ends, nothing is left."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from infra.embedded.kafka import is_ready
from infra.embedded.supervisor.guardian import guarded
from schemas.settings import KafkaSettings
from tests.fixtures.ports import free_port
from tests.fixtures.processes import wait_until
from tests.infra.embedded.supervisor.journal import Journal


@contextmanager
def _stack(folder: Path, *modules: str, **variables: str) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "tests.infra.embedded.supervisor.stack", str(folder), *modules]
    with subprocess.Popen(command, env=os.environ | variables, stdout=subprocess.PIPE, text=True) as process:
        try:
            journal = Journal(folder / "journal")
            wait_until(lambda: "b-inner" in journal.names("started"), what="the stack up")
            yield process
        finally:
            process.kill()


def _family(pid: int) -> list[psutil.Process]:
    return psutil.Process(pid).children(recursive=True)


def _alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    return [each for each in processes if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]


def test_kill_9_leaves_no_child(tmp_path: Path) -> None:
    with _stack(tmp_path) as process:
        family = _family(process.pid)
        assert len(family) == 4, "the guardian, two parts, and one's child that ignores SIGTERM"
        process.kill()
        wait_until(lambda: not _alive(family), what="all ended")


@pytest.mark.integration
def test_kill_9_leaves_no_java(tmp_path: Path) -> None:
    port = free_port()
    variables = {
        "PENSTOCK_DATA_DIR": str(tmp_path),
        "PENSTOCK_EMBEDDED__KAFKA_PORT": str(port),
        "PENSTOCK_EMBEDDED__KAFKA_CONTROLLER_PORT": str(free_port()),
        "PENSTOCK_EMBEDDED__KAFKA_HEAP_MB": "256",
    }
    settings = KafkaSettings(bootstrap_servers=f"127.0.0.1:{port}")
    with _stack(tmp_path, "infra.embedded.kafka", **variables) as process:
        wait_until(lambda: asyncio.run(is_ready(settings)), deadline_s=180, what="Kafka ready")
        family = _family(process.pid)
        assert any(each.name() == "java" for each in family)
        process.kill()
        wait_until(lambda: not _alive(family), what="all ended, Java too")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_stops_all_in_reverse_order(tmp_path: Path, number: signal.Signals) -> None:
    with _stack(tmp_path) as process:
        family = _family(process.pid)
        process.send_signal(number)
        said = process.communicate(timeout=30)[0]
        assert process.returncode == 0
        assert not _alive(family)
    assert said.index("event stopped b") < said.index("event stopping a") < said.index("event stopped a")


def test_ctrl_c_on_the_terminal_reaches_the_supervisor_alone(tmp_path: Path) -> None:
    with _stack(tmp_path) as process:
        groups = {os.getpgid(each.pid) for each in _family(process.pid)}
        assert os.getpgid(process.pid) not in groups


def test_the_guardian_alone_is_enough(tmp_path: Path) -> None:
    """As on systems that have no prctl: a group whose supervisor lets go of the pipe."""
    sleeper = [sys.executable, "-c", "import time; time.sleep(600)"]
    with subprocess.Popen(sleeper, start_new_session=True) as kept:
        with guarded() as guardian, subprocess.Popen(sleeper, start_new_session=True) as watched:
            guardian.watch(watched.pid)
            guardian.watch(kept.pid)
            guardian.forget(kept.pid)
            guardian._pipe.close()
            assert watched.wait(30) == -signal.SIGKILL
        assert kept.poll() is None
        kept.kill()


def test_a_guardian_that_was_killed_is_no_obstacle() -> None:
    before = set(psutil.Process().children())
    with guarded() as guardian:
        (process,) = set(psutil.Process().children()) - before
        process.kill()
        process.wait(30)
        guardian.watch(1 << 22)
