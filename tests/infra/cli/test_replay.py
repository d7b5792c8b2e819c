"""``penstock replay``: from a file into a file, verdicts, and what is wrong with a command."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from infra.score.schema_ids import schema_ids
from processors.replay.digest import NAMES
from producers.simulator.fact import Fact
from producers.simulator.log import log_file
from schemas.events.node_state import NodeState
from schemas.log_file import LogFile, LogRecord
from schemas.topics import NODES
from tests.fixtures.processes import wait_until
from tests.infra.cli.conftest import Run
from tests.processors.replay.recorded import PARTITIONS, Live, facts
from tests.processors.replay.test_replay import stages


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two minutes of three nodes: the facts alone, as the simulator writes them."""
    path = tmp_path_factory.mktemp("log") / "facts.log.avro"
    with log_file(path, schema_ids(), partitions=PARTITIONS, about={}) as writer:
        for record in facts("2m"):
            if record.topic is not NODES and (record.key is not None or record.partition == 0):
                writer.write(Fact(record.topic, record.key, record.event, record.arrived_at))
    return path


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with what was said of them."""
    path = tmp_path_factory.mktemp("live") / "live.log.avro"
    found = Live(stages()).run(facts("2m"))
    with log_file(path, schema_ids(), partitions=PARTITIONS, about={}) as writer:
        for record in found.log:
            name = NAMES[type(found.codec.decode(record.value))]
            writer.put(LogRecord(*record[:5], record.value[5:]), name)
    return path


def digest(text: str) -> str:
    found = re.search(r"^digest ([0-9a-f]{64})$", text, re.MULTILINE)
    assert found, text
    return found[1]


def test_into_a_file_that_another_replay_reads(penstock: Run, log: Path, tmp_path: Path) -> None:
    first = penstock("replay", "--source", str(log), "--into", "said.log.avro", "--jobs", "1")
    assert first.status == 0, first.err
    assert "from the beginning of the log: exact" in first.out
    with LogFile.open(tmp_path / "said.log.avro") as file:
        said = list(file)
    assert {"node-states", "panes", "summaries"} <= {record.topic for record in said}
    assert [record.arrived_at for record in said] == sorted(record.arrived_at for record in said)
    again = penstock("replay", "--source", "said.log.avro", "--stages", "pattern,fleet", "--jobs", "1")
    assert again.status == 0, again.err
    assert "node_summary" in again.out


def test_verdict_and_digest(penstock: Run, live: Path, log: Path) -> None:
    compared = penstock("replay", "--source", str(live), "--compare", "live", "--jobs", "1")
    assert compared.status == 0, compared.out
    assert "verdict: equal" in compared.out
    plain = penstock("replay", "--source", str(log), "--jobs", "1", "--json")
    assert json.loads(plain.out)["digest"] == digest(compared.out)


def test_a_difference_is_status_one_and_shows_both(penstock: Run, live: Path, tmp_path: Path) -> None:
    changed = tmp_path / "changed.log.avro"
    with LogFile.open(live) as file, log_file(changed, schema_ids(), partitions=PARTITIONS, about={}) as out:
        codec, left = file.codec(), 1
        for record in file:
            event = codec.decode(record.value)
            if left and isinstance(event, NodeState):
                left, event = 0, event._replace(wes=99.0)
                record = record._replace(value=codec.encode(event))
            out.put(LogRecord(*record[:5], record.value[5:]), NAMES[type(event)])
    found = penstock("replay", "--source", str(changed), "--compare", "live", "--jobs", "1")
    assert found.status == 1
    assert "verdict: 1 events differ; the first:" in found.out
    assert "said by the node-stage" in found.out
    assert "wes: live 99.0" in found.out
    assert "follows from telemetry[" in found.out


def test_a_range_by_offsets(penstock: Run, log: Path) -> None:
    found = penstock("replay", "--source", str(log), "--from", "telemetry[0]@20", "--jobs", "1")
    assert found.status == 0, found.err


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (("--from", "yesterday"), 2, "--from: 'yesterday' is not a time"),
        (("--from", "2026-01-12T13:00:00Z", "--to", "2026-01-12T12:00:00Z"), 2, "is not after"),
        (("--stages", "nodes"), 2, "no stage is called nodes; there are node, request, pattern, fleet"),
        (("--speed", "0"), 2, "--speed 0"),
        (("--compare", "dead"), 2, "--compare dead"),
        (("--compare", "live"), 1, "nothing that was said live"),
        (("--from", "2027-01-01T00:00:00Z"), 1, "has nothing so late"),
        (("--from", "tele[0]@20"), 2, "there is no topic tele"),
        (("--into", "table:a-b"), 2, "a prefix of tables has"),
        (("--into", "topics:penstock."), 2, "the live topics have that prefix"),
    ],
)
def test_what_is_wrong_is_one_sentence(
    penstock: Run, log: Path, arguments: tuple[str, ...], status: int, says: str
) -> None:
    found = penstock("replay", "--source", str(log), "--jobs", "1", *arguments)
    assert found.status == status
    assert says in found.err


def test_a_source_that_is_none(penstock: Run) -> None:
    found = penstock("replay", "--source", "nowhere.avro")
    assert found.status == 2
    assert "is not kafka, not event_log, and no file" in found.err


def test_a_file_cut_off_leaves_nothing_behind(penstock: Run, log: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.log.avro"
    cut.write_bytes(log.read_bytes()[:-200])
    found = penstock("replay", "--source", str(cut), "--into", "said.log.avro", "--jobs", "1")
    assert found.status == 1
    assert "damaged or cut off" in found.err
    assert not list(tmp_path.glob("said*"))


def test_a_place_that_cannot_be_written_is_said_before_the_work(penstock: Run, log: Path) -> None:
    found = penstock("replay", "--source", str(log), "--into", "nowhere/said.log.avro", "--jobs", "1")
    assert found.status == 1
    assert "the log file nowhere/said.log.avro cannot be written" in found.err


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_ctrl_c_ends_everything_and_leaves_nothing(log: Path, tmp_path: Path, jobs: str) -> None:
    said = tmp_path / "said.log.avro"
    command = [sys.executable, "-m", "infra.cli.main", "replay", "--source", str(log), "--into", str(said)]
    # One job is paced, so that it is at work when it is interrupted; two are interrupted as they begin.
    pace = ["--speed", "1"] if jobs == "1" else ["--jobs", jobs]
    with subprocess.Popen(
        [*command, *pace], stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    ) as process:
        wait_until(lambda: list(tmp_path.glob("said*.part")), deadline_s=60, what="the replay at work")
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert b"Traceback" not in err
    assert list(tmp_path.iterdir()) == []
