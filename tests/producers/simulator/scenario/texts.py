"""Scenario files for tests: a sound one, and the same with a part replaced."""

import pytest

from producers.simulator.scenario.labels import Known
from producers.simulator.scenario.model import Scenario
from producers.simulator.scenario.problem import ScenarioError
from producers.simulator.scenario.read import ANY, read_text

SOUND = """\
about: A node with two GPUs, and a Mac.
seed: 7
duration: 60m
environment: {ambient_c: 24, racks: {r1: {ambient_c: 26}}}
nodes:
  - name: gpu-[1-2]
    chip: h100-sxm
    gpus: 2
    cpu: epyc-9654
    memory: 512GB
    swap: 8GB
    rack: r1
    runtimes:
      - kind: vllm
        port: 8000
        models: [{name: llama-3.3-70b, quantization: fp8, context: 32768}]
  - {name: mac, chip: m3-ultra, memory: 256GB,
     runtimes: [{kind: ollama, port: 11434, slots: 4, models: [{name: qwen3-8b, quantization: q4_k_m}]}]}
arrivals:
  - name: chat
    model: llama-3.3-70b
    to: gpu-*
    process: {poisson: 2/s}
    prompt_tokens: {lognormal: {median: 600, sigma: 0.9, max: 8000}}
    output_tokens: {uniform: [100, 900]}
    patience: 60s
changes:
  - {kind: restart, node: mac, at: 30m, down: 5s}
faults:
  - {kind: fan_failure, node: gpu-2, gpu: 1, at: 20m, for: 25m}
expect:
  - {pattern: thermal_drain, node: gpu-2, opens: 22m..27m, resolves: 46m..58m, severity: warning}
allow:
  - {pattern: clock_drift, node: gpu-2}
"""


def sound(old: str = "", new: str = "") -> Scenario:
    """Read the sound scenario, with a part of its text replaced."""
    return read_text(_replaced(old, new), "x.yaml")


def problems(old: str, new: str, known: Known = ANY) -> list[tuple[int, str, str]]:
    """Return the problems of the sound scenario with a part replaced: line, field, message."""
    with pytest.raises(ScenarioError) as raised:
        read_text(_replaced(old, new), "x.yaml", known)
    for problem in raised.value.problems:
        assert f"x.yaml:{problem.line}: " in str(raised.value)
    return [(problem.line, problem.field, problem.message) for problem in raised.value.problems]


def problem(old: str, new: str, known: Known = ANY) -> tuple[int, str, str]:
    """Return the one problem there is."""
    (found,) = problems(old, new, known)
    return found


def _replaced(old: str, new: str) -> str:
    assert not old or SOUND.count(old) == 1, f"{old!r} is there {SOUND.count(old)} times"
    return SOUND.replace(old, new) if old else SOUND


def line_of(part: str) -> int:
    """Return the line on which a part of the sound scenario begins."""
    assert SOUND.count(part) == 1
    return SOUND[: SOUND.index(part)].count("\n") + 1
