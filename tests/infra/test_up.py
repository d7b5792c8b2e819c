"""``penstock up`` from an empty home to this machine's rows, and to a clean end: the test of all parts."""

import fcntl
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import termios
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest

from infra.up.ports import ports
from infra.up.words import QUERIES
from schemas.settings import load_settings
from tests.fixtures.ports import free_port
from tests.fixtures.processes import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

README = (Path(__file__).resolve().parents[2] / "README.md").read_text("utf-8")
STATEMENTS = re.findall(r'^penstock sql ("SELECT .*")$', README, re.MULTILINE)
UP_S, STOP_S = 300.0, 60.0
PENSTOCK = (sys.executable, "-m", "infra.cli.main")


@dataclass(frozen=True)
class Running:
    """A ``penstock up`` that has rows in its store."""

    process: "subprocess.Popen[bytes]"
    environment: Mapping[str, str]
    folder: Path

    def said(self) -> str:
        return (self.folder / "up.out").read_text("utf-8")

    def penstock(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return penstock(arguments, self.environment, self.folder)


def environment(folder: Path) -> dict[str, str]:
    """Return an empty home and ports of its own; the downloaded Kafka is used again."""
    from infra.embedded.kafka.jars import jar_cache

    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PENSTOCK_", "XDG_"))}
    settings = [port.setting for listens in ports(load_settings({})).values() for port in listens]
    listens = {f"PENSTOCK_{name.replace('.', '__').upper()}": str(free_port()) for name in settings}
    cache = {"XDG_CACHE_HOME": str(jar_cache().parents[1])}
    return kept | listens | cache | {"HOME": str(folder), "PENSTOCK_NODE__NODE_ID": "this-machine"}


def penstock(
    arguments: Sequence[str], environment: Mapping[str, str], folder: Path
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*PENSTOCK, *arguments], env=environment, cwd=folder, capture_output=True, text=True, timeout=UP_S
    )


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("home")
    environ = environment(folder)
    with (folder / "up.out").open("wb") as out:
        process = subprocess.Popen([*PENSTOCK, "up"], env=environ, cwd=folder, stdout=out, stderr=out)
    running = Running(process, environ, folder)
    try:
        wait_until(
            lambda: process.poll() is not None or "first rows in ClickHouse" in running.said(),
            deadline_s=UP_S,
            what="the first row",
        )
        assert process.poll() is None, running.said()
        yield running
    finally:
        process.terminate()
        process.wait(STOP_S)


def test_it_says_what_is_where_and_what_to_try(running: Running) -> None:
    said = running.said()
    assert f"http://127.0.0.1:{running.environment['PENSTOCK_API__PORT']}/api/v1/nodes" in said
    assert all(query in said for query in QUERIES)
    wait_until(lambda: "this-machine: " in running.said(), what="a line for this machine")


def test_what_it_says_to_try_runs(running: Running) -> None:
    tried = [shlex.split(line) for line in running.said().splitlines() if " sql " in line]
    assert len(tried) == len(QUERIES)
    for _, *arguments in tried:
        done = running.penstock(*arguments)
        assert done.returncode == 0, done.stderr
        assert "this-machine" in done.stdout or "node_id" not in arguments[1]


def test_models_can_be_asked_for(running: Running) -> None:
    url = f"http://127.0.0.1:{running.environment['PENSTOCK_ROUTER__PORT']}/v1"
    assert f"{url} " in running.said()
    assert httpx.get(f"{url}/models", trust_env=False).json()["object"] == "list"


def test_this_machine_is_in_the_store(running: Running) -> None:
    asked = "SELECT node_id, count() AS samples FROM node_samples GROUP BY node_id"
    (row,) = json.loads(running.penstock("sql", "--json", asked).stdout)["data"]
    assert row["node_id"] == "this-machine"
    assert int(row["samples"]) > 0


@pytest.mark.parametrize("statement", STATEMENTS)
def test_statements_of_the_readme_run(running: Running, statement: str) -> None:
    done = running.penstock("sql", *shlex.split(statement))
    assert done.returncode == 0, done.stderr


def test_the_readme_has_statements() -> None:
    assert len(STATEMENTS) >= 4


def test_the_doctor_is_content(running: Running) -> None:
    done = running.penstock("doctor", "--json")
    found = {each["check"]: each for each in json.loads(done.stdout)}
    assert [each for each in found.values() if each["verdict"] == "fail"] == []
    assert "Penstock that runs here" in found["ports"]["detail"]
    assert all("answers at" in found[part]["detail"] for part in ("kafka", "store", "registry"))


def test_every_topic_is_there(running: Running) -> None:
    rows = json.loads(running.penstock("topics", "list", "--json").stdout)
    assert [row["topic"] for row in rows if not row["in_Kafka"]] == []


def test_a_second_instance_is_refused(running: Running) -> None:
    done = running.penstock("up")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert str(running.folder) in done.stderr


def test_everything_is_in_the_data_directory(running: Running) -> None:
    (data,) = (running.folder / ".local/share").iterdir() if sys.platform == "linux" else (running.folder,)
    assert {"kafka", "clickhouse", "registry", "logs"} <= {path.name for path in data.iterdir()}
    assert {path.name for path in running.folder.iterdir()} <= {".local", "up.out", "Library"}


def test_ctrl_c_ends_it_and_leaves_nothing_behind(running: Running) -> None:
    family = psutil.Process(running.process.pid).children(recursive=True)
    assert len(family) >= 8
    running.process.send_signal(signal.SIGINT)
    assert running.process.wait(STOP_S) == 0, running.said()
    psutil.wait_procs(family, timeout=10)
    assert [process for process in family if process.is_running()] == []
    assert running.said().rstrip().endswith("stopped")


def test_it_ends_with_its_terminal(tmp_path: Path) -> None:
    terminal, ours = os.openpty()
    process = subprocess.Popen(
        [*PENSTOCK, "up"],
        env=environment(tmp_path) | {"TERM": "xterm"},
        cwd=tmp_path,
        stdin=ours,
        stdout=ours,
        stderr=ours,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.close(ours)
    seen = b""
    while b"registry" not in seen or b"ready" not in seen:
        seen += os.read(terminal, 4096)
    family = psutil.Process(process.pid).children(recursive=True)
    assert len(family) >= 3
    os.close(terminal)
    process.wait(STOP_S)
    psutil.wait_procs(family, timeout=10)
    assert [each for each in family if each.is_running()] == []


def test_a_port_that_is_taken_is_named_before_anything_starts(tmp_path: Path) -> None:
    environ = environment(tmp_path)
    with socket.create_server(("127.0.0.1", int(environ["PENSTOCK_API__PORT"]))):
        done = penstock(["up"], environ, tmp_path)
    assert done.returncode == 2
    assert f"port {environ['PENSTOCK_API__PORT']}" in done.stderr
    assert "PENSTOCK_API__PORT" in done.stderr
    assert "starting" not in done.stdout


def test_what_is_elsewhere_and_away_is_said_before_anything_starts(tmp_path: Path) -> None:
    environ = environment(tmp_path) | {"PENSTOCK_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:1"}
    done = penstock(["up"], environ, tmp_path)
    assert done.returncode == 1
    assert "kafka does not answer at 127.0.0.1:1" in done.stderr
    assert "starting" not in done.stdout
