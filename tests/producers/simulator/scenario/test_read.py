"""Scenario files: what a sound one says, and that each thing that is wrong is named with line and field."""

import math
import pickle
from pathlib import Path

import pytest

from producers.simulator.scenario.arrivals import Lognormal, Poisson, Uniform
from producers.simulator.scenario.changes import RestartRuntime
from producers.simulator.scenario.faults import FanFailure
from producers.simulator.scenario.problem import ScenarioError
from producers.simulator.scenario.read import read, read_text
from schemas.errors import ConfigError
from schemas.labels import Window
from tests.producers.simulator.scenario.texts import SOUND, line_of, problem, problems, sound

FAULT = "{kind: fan_failure, node: gpu-2, gpu: 1, at: 20m, for: 25m}"
LABEL = "{pattern: thermal_drain, node: gpu-2, opens: 22m..27m, resolves: 46m..58m, severity: warning}"


def test_a_sound_scenario() -> None:
    found = sound()
    assert found.name == "x"
    assert [node.name for node in found.nodes] == ["gpu-1", "gpu-2", "mac"]
    assert found.node("mac").cpu == "m3-ultra"
    assert found.node("mac").gpus == 1
    assert found.node("gpu-1").memory_bytes == 512e9
    assert found.environment.base_c("r1") == 26
    assert found.environment.base_c("") == 24
    (stream,) = found.arrivals
    assert stream.nodes == ("gpu-1", "gpu-2")
    assert stream.process == Poisson(2.0)
    assert stream.prompt_tokens == Lognormal(600, 0.9, 8000)
    assert stream.output_tokens == Uniform(100, 900)
    assert found.faults == (FanFailure(nodes=("gpu-2",), gpus=(1,), at_s=1200, duration_s=1500),)
    assert found.changes == (RestartRuntime(nodes=("mac",), at_s=1800, runtime_id="ollama:11434", down_s=5),)
    assert found.expect[0].opens == Window(22 * 60, 27 * 60)
    assert found.allow[0].between == Window(0, math.inf)
    assert found.labelled


def test_what_a_router_does_is_a_matter_of_the_stream() -> None:
    (usual,) = sound().arrivals
    assert (usual.attempts, usual.queue_patience_s) == (1, math.inf)
    (stream,) = sound("patience: 60s", "attempts: 3\n    queue_patience: 30s\n    patience: 60s").arrivals
    assert (stream.attempts, stream.queue_patience_s, stream.patience_s) == (3, 30.0, 60.0)


def test_a_scenario_can_be_sent_to_another_process() -> None:
    assert pickle.loads(pickle.dumps(sound())) == sound()


def test_without_labels_it_is_not_labelled_and_an_empty_list_is_a_label() -> None:
    assert not sound(f"expect:\n  - {LABEL}\n", "").labelled
    assert sound(f"expect:\n  - {LABEL}\n", "expect: []\n").labelled


def test_all_problems_of_a_file_at_once() -> None:
    text = (
        SOUND.replace("seed: 7", "sed: 7").replace("port: 8000", "port: 80000").replace("at: 20m", "at: 70m")
    )
    with pytest.raises(ScenarioError) as raised:
        read_text(text, "x.yaml")
    assert [(one.line, one.field) for one in raised.value.problems] == [
        (2, "sed"),
        (line_of("port: 8000"), "nodes[0].runtimes[0].port"),
        (line_of(FAULT), "faults[0].at"),
    ]


def test_who_names_a_node_that_is_wrong_itself_is_not_blamed() -> None:
    assert problems("memory: 512GB", "memory: 512")[0][:2] == (10, "nodes[0].memory")
    assert len(problems("memory: 512GB", "memory: 512")) == 1


@pytest.mark.parametrize(
    ("old", "new", "field", "says"),
    [
        ("seed: 7", "sed: 7", "sed", "did you mean seed?"),
        ("seed: 7", "seed: -1", "seed", "at least 0"),
        ("duration: 60m", "duration: 60", "duration", "number and a unit, such as 90s"),
        ("duration: 60m", "duration: 60 parsec", "duration", "one of ms, s, m, h, d"),
        ("duration: 60m", "duration: 99d", "duration", "at most"),
        ("ambient_c: 24", "ambient_c: 240", "environment.ambient_c", "at most 70 °C"),
        ("ambient_c: 24", "ambient: 24", "environment.ambient", "did you mean ambient_c?"),
        ("name: gpu-[1-2]", "name: gpu-[2-1]", "nodes[0].name", "backwards"),
        ("name: gpu-[1-2]", "name: gpu-[1-9999]", "nodes[0].name", "more than 2000"),
        ("chip: h100-sxm", "chip: h100", "nodes[0].chip", "did you mean h100-sxm"),
        ("gpus: 2", "gpus: 16", "nodes[0].gpus", "1 to 8"),
        ("gpus: 2", "gpus: 9", "nodes[0].gpus", "1 to 8"),
        ("cpu: epyc-9654", "cpu: epyc-9645", "nodes[0].cpu", "did you mean epyc-9654"),
        ("memory: 512GB", "memory: 20TB", "nodes[0].memory", "more than AMD EPYC 9654"),
        ("memory: 256GB", "memory: 768GB", "nodes[1].memory", "has at most"),
        ("gpus: 2", "pcie_width: 3", "nodes[0].pcie_width", "3 is none of 1, 2, 4, 8, 16"),
        ("gpus: 2", "power_limit: 900W\n    gpus: 2", "nodes[0].power_limit", "200 W to 700 W"),
        ("gpus: 2", "pcie_generation: 6\n    gpus: 2", "nodes[0].pcie_generation", "up to generation 5"),
        ("kind: vllm", "kind: vlm", "nodes[0].runtimes[0].kind", "none of 'ollama', 'vllm'"),
        ("kind: ollama", "kind: vllm", "nodes[1].runtimes[0].kind", "needs an NVIDIA accelerator"),
        ("fp8", "fp7", "nodes[0].runtimes[0].models[0].quantization", "did you mean fp8"),
        ("fp8", "f32", "nodes[0].runtimes[0].models", "do not fit"),
        ("context: 32768", "context: 999999", "nodes[0].runtimes[0].models[0].context", "131072"),
        ("name: qwen3-8b", "name: qwen3-9b", "nodes[1].runtimes[0].models[0]", "did you mean qwen3-8b"),
        ("port: 8000", "port: 0", "nodes[0].runtimes[0].port", "at least 1"),
        ("port: 8000", "gpus: 2\n        port: 1", "nodes[0].runtimes[0].gpus", "no accelerator 2"),
        ("    model: llama-3.3-70b", "    model: llama-3.1-70b", "arrivals[0].model", "llama-3.3-70b?"),
        ("to: gpu-*", "to: cpu-*", "arrivals[0].to", "there is no node 'cpu-*'"),
        ("poisson: 2/s", "poisson: 2", "arrivals[0].process.poisson", "such as 2/s"),
        ("poisson: 2/s", "poisson: 0/s", "arrivals[0].process.poisson", "more than 0"),
        ("{poisson: 2/s}", "{}", "arrivals[0].process", "exactly one of poisson, diurnal"),
        ("uniform: [100, 900]", "uniform: [900, 100]", "arrivals[0].output_tokens", "not be above"),
        ("median: 600", "median: 0", "arrivals[0].prompt_tokens.lognormal.median", "at least 1"),
        ("patience: 60s", "attempts: 0", "arrivals[0].attempts", "must be at least 1"),
        ("patience: 60s", "queue_patience: 0s", "arrivals[0].queue_patience", "more than 0 s"),
        ("patience: 60s", "between: 70m..80m", "arrivals[0].between", "after the end"),
        ("patience: 60s", "between: 20m..10m", "arrivals[0].between", "ends before it begins"),
        ("kind: restart", "kind: reset", "changes[0]", "did you mean restart"),
        ("down: 5s", "runtime: vllm:1", "changes[0].runtime", "has no runtime"),
        ("kind: fan_failure", "kind: fan_failur", "faults[0]", "did you mean fan_failure?"),
        ("kind: fan_failure, ", "", "faults[0]", "has no kind"),
        ("gpu: 1, at", "gpu: 2, at", "faults[0].gpu", "gpu-2 has 2, numbered from 0"),
        ("at: 20m", "at: 60m", "faults[0].at", "after the end"),
        ("for: 25m", "for: 0s", "faults[0].for", "more than 0 s"),
        ("for: 25m", "rack: r1", "faults[0]", "either node or rack"),
        ("opens: 22m..27m", "opens: 22m", "expect[0].opens", "two moments"),
        ("opens: 22m..27m, resolves: 46m..58m", "opens: 61m.., resolves: never", "expect[0].opens", "end"),
        ("resolves: 46m..58m", "resolves: 1m..2m", "expect[0].resolves", "before it opens"),
        (", resolves: 46m..58m", "", "expect[0].resolves", "is missing"),
        ("severity: warning", "severity: bad", "expect[0].severity", "none of 'info', 'warning'"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(old: str, new: str, field: str, says: str) -> None:
    line, where, message = problem(old, new)
    assert where == field
    assert says in message
    assert line == line_of(old)


def test_a_node_that_is_there_twice() -> None:
    twice = (line_of("name: mac"), "nodes[1].name", "there is a node 'mac' already")
    assert twice in problems("name: gpu-[1-2]", "name: mac")


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("{kind: power_cap, node: mac, at: 1m, limit: 20W}", "no power limit"),
        ("{kind: power_cap, node: gpu-1, at: 1m, limit: 50W}", "200 W to 700 W"),
        ("{kind: pcie_link_drop, node: gpu-1, at: 1m, width: 16}", "nothing drops"),
        ("{kind: pcie_link_drop, node: mac, at: 1m, width: 4}", "has no PCIe link"),
        ("{kind: engine_hang, node: gpu-1, at: 1m, runtime: 'vllm:1'}", "did you mean vllm:8000"),
        ("{kind: swap_storm, node: mac, at: 1m, memory: 1TB, touches: 1GB/s}", "has no swap"),
        ("{kind: swap_storm, node: gpu-1, at: 1m, memory: 1TB, touches: 1GB}", "such as 5MB/s"),
        ("{kind: sensor_freeze, node: gpu-1, at: 1m, reading: gpu.temp}", "no reading is called"),
        ("{kind: log_stall, node: gpu-1, at: 1m, for: 1m}", "neither node nor rack"),
        ("{kind: ambient_rise, rack: r2, at: 1m, rise_c: 5}", "no node is in a rack 'r2'"),
        ("{kind: kv_pressure, node: gpu-1, at: 1m, blocks: 1.5}", "at most 1"),
        ("{kind: long_prompt_flood, node: gpu-1, at: 1m, model: qwen3-8b, rate: 1/s,"
         " prompt_tokens: {constant: 9}, output_tokens: {constant: 9}}", "none of these nodes has the model"),
    ],
)  # fmt: skip
def test_faults_that_the_hardware_cannot_have(fault: str, says: str) -> None:
    line, field, message = problem(FAULT, fault)
    assert (line, field.split(".")[0]) == (line_of(FAULT), "faults[0]")
    assert says in message


@pytest.mark.parametrize(
    ("other", "overlaps"),
    [
        ("{kind: fan_failure, node: gpu-2, gpu: 1, at: 30m, for: 25m}", True),
        ("{kind: fan_failure, node: 'gpu-*', at: 44m, for: 5m}", True),
        ("{kind: fan_failure, node: gpu-2, gpu: 1, at: 45m}", False),
        ("{kind: fan_failure, node: gpu-2, gpu: 0, at: 30m}", False),
        ("{kind: fan_failure, node: gpu-1, at: 30m}", False),
        ("{kind: dust, node: gpu-2, at: 30m}", False),
    ],
)
def test_faults_of_one_kind_on_one_target_must_not_overlap(other: str, overlaps: bool) -> None:
    both = f"{FAULT}\n  - {other}"
    if overlaps:
        assert problem(FAULT, both) == (
            line_of(FAULT) + 1,
            "faults[1]",
            f"overlaps the fault of the same kind in line {line_of(FAULT)} on gpu-2",
        )
    else:
        assert len(sound(FAULT, both).faults) == 2


def test_labels_name_detections_that_exist() -> None:
    known = {"pattern": ["thermal_drain", "clock_drift"], "alert": ["node_offline"]}
    found = problem("{pattern: thermal_drain,", "{pattern: thermal_drian,", known)  # type: ignore[arg-type]
    assert found == (
        line_of(LABEL),
        "expect[0].pattern",
        "there is no pattern 'thermal_drian'; did you mean thermal_drain?",
    )


def test_a_label_is_about_a_pattern_or_an_alert() -> None:
    assert "either a pattern or an alert" in problem("{pattern: thermal_drain,", "{alert: a, pattern: b,")[2]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "must be a mapping"),
        ("- 1", "must be a mapping"),
        ("a: 1\na: 2", "a: is given twice"),
        ("nodes: [{name: gpu-[1-2]}]", "quotes"),
        ("to: *", "quotes"),
        ("a: !!python/object:os.system ls", "no tag is allowed"),
        ("a: &a [*a]", "too deeply nested"),
        ("[" * 3000, "nested too deeply"),
        ("x: \x00", "cannot be read as YAML"),
        ("a: " + "x" * (1 << 20), "more than 1 MiB"),
        ("duration: 1m\nnodes: []", "nodes: list should have at least 1 item"),
    ],
)
def test_what_is_no_scenario_at_all(text: str, says: str) -> None:
    with pytest.raises(ScenarioError, match=r"^x\.yaml:\d+: ") as raised:
        read_text(text, "x.yaml")
    assert says in str(raised.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nothing\.yaml cannot be read"):
        read(tmp_path / "nothing.yaml")


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="cannot be read"):
        read(tmp_path / "x.yaml")
