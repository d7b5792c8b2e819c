import json
from pathlib import Path

import pytest

from tests.fixtures.ports import free_port
from tests.infra.cli.conftest import Run


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--json",), "goes with --once"),
        (("--once", "--record", "x.avro"), "exclude one another"),
        (("--play", "a", "--record", "b"), "exclude one another"),
    ],
)
def test_options_that_do_not_go_together(penstock: Run, arguments: tuple[str, ...], said: str) -> None:
    result = penstock("node", *arguments)
    assert result.status == 2
    assert said in result.err


def test_a_file_that_is_no_recording_is_named(penstock: Run, tmp_path: Path) -> None:
    file = tmp_path / "other.txt"
    file.write_text("hello", "utf-8")
    result = penstock("node", "--play", str(file))
    assert result.status == 2
    assert f"{file} is no recording" in result.err


def test_a_recording_is_not_written_over(penstock: Run, tmp_path: Path) -> None:
    file = tmp_path / "node.avro"
    file.write_bytes(b"precious")
    result = penstock("node", "--record", str(file))
    assert result.status == 2
    assert f"{file} exists already" in result.err
    assert file.read_bytes() == b"precious"


def test_doctor_node_looks_at_this_machine(penstock: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OLLAMA_HOST", f"127.0.0.1:{free_port()}")
    monkeypatch.setenv("PENSTOCK_NODE__DISCOVER", "false")
    result = penstock("doctor", "node", "--json")
    found = {each["check"]: each for each in json.loads(result.out)}
    assert result.status == 0
    assert found["memory"]["detail"].startswith("memory_total_bytes")
    assert {"cpu", "rapl", "nvml", "clock_sync", "pressure"} <= set(found)
