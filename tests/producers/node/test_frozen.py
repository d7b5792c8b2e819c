"""Readings that stand still where they cannot; and those that may."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from producers.node.frozen import LEAST_READINGS, FrozenReadings
from producers.node.frozen_rules import GPU_RULES, HOST_RULES
from producers.node.progress import Reading, View
from producers.node.source import Facts
from schemas.events.node_sample import GpuSample, HostSample, NodeSample
from tests.samples import gpu, sample

Readings = dict[str, Any]
GPU = "gpu.GPU-00000001"


def busy(index: int) -> Readings:
    """A GPU at work: everything moves."""
    return {
        "utilization_ratio": 0.9 + 0.01 * (index % 3),
        "power_w": 600.123 + 0.017 * (index % 7),
        "energy_j": 1e6 + 600.0 * index,
        "temperature_c": 70.0,
    }


def run(
    readings: Callable[[int], Readings], seconds: int, host: Callable[[int], Readings] = lambda _: {}
) -> Iterator[NodeSample]:
    """Yield a sample a second, each with a fresh reading."""
    frozen = FrozenReadings()
    for index in range(seconds):
        device, machine = gpu(**readings(index)), host(index)
        views = [View("one", 1.0, "ok", "", "", Reading(Facts(gpus=(device,), host=machine), float(index)))]
        known = HostSample(**machine)
        yield frozen.screened(sample(index, gpus=(device,), host=known), views)


def suspects(samples: Iterator[NodeSample]) -> list[tuple[int, str]]:
    return [(one.seq, suspect.reading) for one in samples for suspect in one.suspects]


def first(samples: Iterator[NodeSample]) -> dict[str, int]:
    found: dict[str, int] = {}
    for seq, reading in suspects(samples):
        found.setdefault(reading, seq)
    return found


def test_what_moves_is_believed() -> None:
    assert suspects(run(busy, 1200)) == []


@pytest.mark.parametrize(
    ("stuck", "after_s"),
    [({"power_w": 600.123}, 60), ({"energy_j": 1e6}, 60), ({"utilization_ratio": 0.93}, 300)],
)
def test_what_repeats_under_load_is_frozen(stuck: Readings, after_s: int) -> None:
    found = list(run(lambda index: {**busy(index), **stuck}, after_s + 2))
    (name,) = stuck
    assert [(one.seq, each) for one in found[:after_s] for each in one.suspects] == []
    assert found[after_s].suspects == ((f"{GPU}.{name}", stuck[name], "frozen"),)
    assert math.isnan(getattr(found[after_s].gpus[0], name))
    assert found[after_s].gpus[0].temperature_c == 70.0, "the others stay"


@pytest.mark.parametrize(
    "still",
    [
        {"utilization_ratio": 0.0, "power_w": 70.123, "temperature_c": 30.0},  # idle
        {"utilization_ratio": 1.0, "power_w": 300.0, "temperature_c": 80.0},  # whole watts
        {"utilization_ratio": 0.01},  # a desktop
        {"memory_used_bytes": 40e9, "sm_clock_mhz": 1980.0, "fan_ratio": 0.3},
        {"power_w": float("nan"), "energy_j": float("nan"), "utilization_ratio": float("nan")},
        {"energy_j": 1e6, "power_w": 1.5, "utilization_ratio": 0.0},  # asleep
    ],
)
def test_what_may_rest_may_rest(still: Readings) -> None:
    assert suspects(run(lambda index: {**busy(index), **still}, 3600)) == []


def test_a_temperature_is_frozen_when_the_power_moved_and_it_did_not() -> None:
    def steps(index: int) -> Readings:
        return {**busy(index), "power_w": (100.0 if index < 400 else 600.0) + 0.013 * (index % 7)}

    assert first(run(steps, 400)) == {}
    found = first(run(steps, 800))
    assert found.keys() == {f"{GPU}.temperature_c"}
    assert 400 < found[f"{GPU}.temperature_c"] < 500


def test_bursts_of_power_are_no_change_of_it() -> None:
    def bursts(index: int) -> Readings:
        return {**busy(index), "power_w": (100.0 if index % 2 else 600.0) + 0.013 * (index % 7)}

    assert first(run(bursts, 1800)) == {}


def test_a_frozen_reading_stays_so_until_it_moves() -> None:
    def stuck(index: int) -> Readings:
        if index < 100:
            return {**busy(index), "power_w": 600.123}
        # The load ends, and the sensor still says the same; then it is alive again.
        return {**busy(index), "utilization_ratio": 0.0, "power_w": 600.123 if index < 150 else 75.5}

    frozen_at = [seq for seq, _ in suspects(run(stuck, 200))]
    assert frozen_at == list(range(60, 150))


def test_a_collector_that_brings_nothing_new_freezes_nothing() -> None:
    frozen, device = FrozenReadings(), gpu(**busy(1))
    views = [View("nvml", 1.0, "timeout", "", "", Reading(Facts(gpus=(device,)), 5.0))]
    found = [frozen.screened(sample(index, gpus=(device,)), views) for index in range(600)]
    assert [one.suspects for one in found if one.suspects] == []


@pytest.mark.parametrize(
    ("machine", "after_s"),
    [
        ({"cpu_power_w": 0.0}, 15),
        ({"cpu_power_w": 41.25}, 15),
        ({"soc_power_w": 12.0}, 60),
        ({"cpu_ratio": 0.4}, 120),
    ],
)
def test_readings_of_the_machine(machine: Readings, after_s: int) -> None:
    (name,) = machine
    found = first(run(busy, after_s + 5, lambda _: machine))
    assert found == {f"host.{name}": after_s}


@pytest.mark.parametrize("machine", [{"cpu_ratio": 0.0}, {"cpu_ratio": 1.0}, {"soc_power_w": 0.04}])
def test_readings_of_the_machine_that_may_rest(machine: Readings) -> None:
    assert first(run(busy, 3600, lambda _: machine)) == {}


def test_the_cpu_temperature_follows_the_cpu() -> None:
    def machine(index: int) -> Readings:
        return {"cpu_temperature_c": 45.0, "cpu_ratio": (0.1 if index < 300 else 0.95) + index % 5 / 100}

    assert first(run(busy, 300, machine)) == {}
    assert first(run(busy, 700, machine)).keys() == {"host.cpu_temperature_c"}


def test_seldom_readings_need_a_number_of_them() -> None:
    frozen = FrozenReadings()
    for index in range(LEAST_READINGS):
        device = gpu(**{**busy(index), "power_w": 600.123})
        views = [View("nvml", 30.0, "ok", "", "", Reading(Facts(gpus=(device,)), 30.0 * index))]
        found = frozen.screened(sample(index, gpus=(device,)), views)
        assert bool(found.suspects) == (index == LEAST_READINGS - 1)


def test_every_rule_is_of_a_reading_and_says_why() -> None:
    for rules, record in ((GPU_RULES, GpuSample), (HOST_RULES, HostSample)):
        names: Any = record._fields
        assert {rule.reading for rule in rules} <= set(names)
        assert all(rule.why and rule.for_s > 0 for rule in rules)


def test_nothing_is_remembered_of_what_is_gone() -> None:
    frozen = FrozenReadings()
    for index in range(50):
        device = gpu(f"GPU-{index:08d}", **busy(index))
        views = [View("nvml", 1.0, "ok", "", "", Reading(Facts(gpus=(device,)), float(index)))]
        frozen.screened(sample(index, gpus=(device,)), views)
    assert len(frozen._streaks) <= len(GPU_RULES)
