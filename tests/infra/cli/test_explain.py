"""``penstock explain`` of a log file: facts alone, without Kafka, ClickHouse or an API."""

import json
from pathlib import Path

import pytest

from tests.infra.cli.conftest import Run

SCENARIO = """
about: A program makes a node swap.
seed: 5
starts_at: 2026-01-12T12:00:00Z
duration: 11m
nodes:
  - name: node-1
    chip: rtx-4090
    gpus: 1
    cpu: ryzen-7950x
    memory: 64GB
    swap: 64GB
    runtimes:
      - kind: llamacpp
        port: 8080
        slots: 4
        models: [{name: llama-3.1-8b, quantization: q4_k_m, context: 8192}]
arrivals:
  - name: chat
    model: llama-3.1-8b
    process: {poisson: 0.2/s}
    prompt_tokens: {constant: 300}
    output_tokens: {constant: 80}
faults:
  - {kind: swap_storm, node: node-1, at: 1m, for: 6m, memory: 80GB, touches: 60MB/s}
"""


@pytest.fixture
def log(penstock: Run, tmp_path: Path) -> Path:
    scenario, file = tmp_path / "swap.yaml", tmp_path / "swap.log.avro"
    scenario.write_text(SCENARIO, "utf-8")
    made = penstock("simulate", str(scenario), "--out", "log", "--file", str(file))
    assert made.status == 0, made.err
    return file


def test_of_a_file_with_the_beginning_of_an_id(penstock: Run, log: Path, tmp_path: Path) -> None:
    unknown = penstock("explain", "ffff", "--source", str(log))
    assert unknown.status == 1
    assert unknown.err.count("\n") == 1
    (there,) = [one for one in unknown.err.split("there are ")[1].split("; ") if "swap_io_pressure" in one]
    id_ = there.split()[0]
    picture = tmp_path / "swap.svg"
    found = penstock("explain", id_, "--source", str(log), "--plot", str(picture))
    assert found.status == 0, found.err
    assert "Judged again, it is told exactly as it was." in found.out
    assert "penstock replay --from 2026-01-12T" in found.out
    assert f"--source {log}" in found.out
    assert "swap_out" in picture.read_text("utf-8")
    told = json.loads(penstock("explain", id_, "--source", str(log), "--json").out)
    assert (told["what"], told["agrees"]) == ("swap_io_pressure", True)


def test_a_picture_of_another_kind_is_refused_before_anything_is_judged(penstock: Run) -> None:
    found = penstock("explain", "ffff", "--source", "nothing", "--plot", "a.pdf")
    assert found.status == 2
    assert ".png or .svg" in found.err


def test_without_an_api_it_says_so(penstock: Run) -> None:
    found = penstock("explain", "ffffffff", "--url", "http://127.0.0.1:9")
    assert found.status == 1
    assert "does not answer" in found.err


def test_a_file_that_is_not_there(penstock: Run) -> None:
    found = penstock("explain", "ffffffff", "--source", "nothing.avro")
    assert found.status == 2
    assert "nothing.avro" in found.err
