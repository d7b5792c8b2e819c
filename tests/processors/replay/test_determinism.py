"""The gate: the same facts give the same knowledge, byte for byte, whatever is not a fact.

Each scenario goes through live stages, whose delays are drawn, and its log through a replay; in two processes
that differ in the seed of Python's hashes, in time zone and locale, in processes that share the work, and in
the number of partitions. Everything must be equal.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from infra.score.known import known
from producers.simulator.scenario.read import read
from producers.simulator.scenario.shipped import LABELLED, scenarios

# Seconds of each: a little beyond where its incident is noticed, where that is soon.
GATE: Mapping[str, int] = {
    "engine-hangs": 180,
    "kv-pressure-rush": 180,
    "rack-loses-cooling": 120,
    "efficiency_drag": 600,
    "gpu_lost": 480,
    "vram_overcommit": 240,
}
SOAK_S = 2400.0
ONE = {"PYTHONHASHSEED": "0", "TZ": "UTC", "LC_ALL": "C"}
OTHER = {"PYTHONHASHSEED": "4242", "TZ": "Asia/Kathmandu", "LC_ALL": "tr_TR.UTF-8"}


@contextmanager
def begun(
    asked: Mapping[str, Any], environment: Mapping[str, str]
) -> Iterator[Callable[[], Mapping[str, Any]]]:
    """Run a process of the gate; what is given waits for what it prints."""
    command = [sys.executable, "-m", "tests.processors.replay.determinism", json.dumps(asked)]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=os.environ | environment, **pipes) as process:

        def ended() -> Mapping[str, Any]:
            out, err = process.communicate()
            assert process.returncode == 0, err
            found: Mapping[str, Any] = json.loads(out)
            return found

        try:
            yield ended
        finally:
            process.kill()


def both(seconds: Mapping[str, float]) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Return what came of scenarios in two processes side by side."""
    asked = {"scenarios": seconds, "seed": 1}
    with (
        begun(asked | {"spread": 2, "jobs": 1}, ONE) as one,
        begun(asked | {"spread": 5, "jobs": 2}, OTHER) as other,
    ):
        return one(), other()


def compare(one: Mapping[str, Any], other: Mapping[str, Any]) -> None:
    """Demand that everything is equal."""
    for name, found in one.items():
        assert found["replayed"] == found["live"], f"{name}: a replay differs from live"
        assert other[name] == found, f"{name}: two processes differ"
        assert found["said"] > 500


@pytest.mark.timeout(600)
def test_scenarios_give_the_same_in_two_processes() -> None:
    one, other = both(dict(GATE))
    compare(one, other)
    assert sum(found["findings"] > 0 for found in one.values()) >= 2


def test_another_interleaving_is_replayed_as_it_was() -> None:
    """Other delays, other times of hints: another log, and a replay of it that is equal to it."""
    asked = {"scenarios": {"gpu_lost": 240}, "spread": 3, "jobs": 1}
    with begun(asked | {"seed": 2}, ONE) as first, begun(asked | {"seed": 3}, OTHER) as second:
        one, other = first()["gpu_lost"], second()["gpu_lost"]
    assert one["log"] != other["log"]
    assert one["live"] == one["replayed"]
    assert other["live"] == other["replayed"]
    assert one["spread"] == other["spread"]


def test_every_shipped_scenario_is_in_the_gate() -> None:
    assert set(scenarios()) <= set(GATE)


@pytest.mark.soak
@pytest.mark.timeout(0)
@pytest.mark.parametrize("name", sorted({*scenarios(), *scenarios(LABELLED)}))
def test_every_scenario_gives_the_same(name: str) -> None:
    path = {**scenarios(LABELLED), **scenarios()}[name]
    compare(*both({name: min(read(path, known()).duration_s, SOAK_S)}))
