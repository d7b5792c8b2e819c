"""``penstock simulate``: names, checks, files."""

import json
from pathlib import Path

import pytest

from schemas.log_file import LogFile
from tests.infra.cli.conftest import Run
from tests.producers.simulator.scenario.texts import SOUND

SHORT = SOUND.replace("duration: 60m", "duration: 60s").split("changes:")[0]


@pytest.fixture
def short(tmp_path: Path) -> Path:
    file = tmp_path / "short.yaml"
    file.write_text(SHORT)
    return file


def test_a_log_file_and_the_same_again(penstock: Run, short: Path, tmp_path: Path) -> None:
    first = penstock("simulate", "short.yaml", "--out", "log")
    assert (first.status, first.err) == (0, "")
    assert "short.log.avro: " in first.out
    penstock("simulate", "short.yaml", "--out", "log", "--file", "again.avro", "--seed", "7")
    penstock("simulate", "short.yaml", "--out", "log", "--file", "other.avro", "--seed", "8")
    bytes_ = [(tmp_path / name).read_bytes() for name in ("short.log.avro", "again.avro", "other.avro")]
    assert bytes_[0] == bytes_[1] != bytes_[2]
    with LogFile.open(tmp_path / "other.avro") as log:
        assert log.about["seed"] == "8"
        assert {record.topic for record in log} == {"nodes", "telemetry", "requests"}


def test_list_names_every_shipped_scenario_and_each_is_sound(penstock: Run) -> None:
    from producers.simulator.scenario.shipped import scenarios

    listed = penstock("simulate", "--list")
    assert listed.status == 0
    assert scenarios()
    for name in scenarios():
        assert name in listed.out
        checked = penstock("simulate", name, "--check")
        assert (checked.status, checked.err) == (0, "")


def test_check_shows_the_timeline(penstock: Run, tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text(SOUND)
    checked = penstock("simulate", "x.yaml", "--check")
    assert checked.status == 0
    assert "1 h 00 min, 3 nodes, 1 streams of requests, seed 7, 1 labels" in checked.out
    assert "fan failure" in checked.out


def test_the_schema_is_a_json_schema(penstock: Run) -> None:
    schema = json.loads(penstock("simulate", "--schema").out)
    assert schema["additionalProperties"] is False
    assert "FanFailureForm" in schema["$defs"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "which scenario?"),
        (["nonsense"], "no scenario is called 'nonsense'; "),
        (["nothing.yaml"], "there is no file nothing.yaml"),
        (["short.yaml", "--speed", "0.5"], "it is a number from 1 to 100, or max"),
        (["short.yaml", "--speed", "fast"], "it is a number from 1 to 100, or max"),
        (["short.yaml", "--out", "log", "--speed", "10"], "--speed is for --out kafka"),
        (["short.yaml", "--file", "x"], "--file is for --out log"),
    ],
)
def test_wrong_use(penstock: Run, short: Path, arguments: list[str], says: str) -> None:
    result = penstock("simulate", *arguments)
    assert result.status == 2
    assert says in result.err


def test_a_file_with_problems_is_told_line_by_line(penstock: Run, tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text(SHORT.replace("seed: 7", "sed: 7").replace("h100-sxm", "h100"))
    result = penstock("simulate", "x.yaml", "--check")
    assert result.status == 2
    assert "x.yaml:2: sed: unknown field; did you mean seed?" in result.err
    assert "x.yaml:7: nodes[0].chip: there is no chip 'h100'; did you mean h100-sxm" in result.err
