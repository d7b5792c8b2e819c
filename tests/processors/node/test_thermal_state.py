import pytest

from processors.node import cpu_thermal
from processors.node.thermal_state import (
    HW_POWER_BRAKE,
    HW_SLOWDOWN,
    HW_THERMAL,
    POWER_CAP,
    SW_THERMAL,
    combined_penalty,
    of_apple,
    of_gpu,
    worst,
)
from tests.samples import gpu, host

NAN = float("nan")


@pytest.mark.parametrize(
    ("temperature_c", "state", "penalty"),
    [(82.9, "normal", 1.0), (83.0, "fair", 1.0), (89.9, "fair", 1.0), (90.0, "serious", 1.1),
     (92.9, "serious", 1.1), (93.0, "critical", 1.1)],
)  # fmt: skip
def test_by_temperature(temperature_c: float, state: str, penalty: float) -> None:
    assert of_gpu(gpu(temperature_c=temperature_c))[::2] == (state, penalty)
    # The threshold is the accelerator's own; without one, 93 degrees are usual.
    assert of_gpu(gpu(temperature_c=temperature_c, temperature_slowdown_c=NAN)).state == state
    assert of_gpu(gpu(temperature_c=temperature_c + 7, temperature_slowdown_c=100.0)).state == state


@pytest.mark.parametrize(
    ("reasons", "state", "penalty"),
    [
        (0, "normal", 1.0),
        (POWER_CAP, "normal", 1.0),
        (SW_THERMAL, "serious", 1.25),
        (HW_SLOWDOWN, "serious", 1.25),
        (HW_POWER_BRAKE, "normal", 1.25),
        (HW_POWER_BRAKE | HW_SLOWDOWN, "normal", 1.25),
        (HW_THERMAL, "critical", 2.0),
        # HW_SLOWDOWN stands with its cause and is not a second one
        (HW_THERMAL | HW_SLOWDOWN, "critical", 2.0),
        (HW_THERMAL | SW_THERMAL, "critical", 2.5),
        (SW_THERMAL | HW_POWER_BRAKE, "serious", 2.5),
    ],
)
def test_by_reasons(reasons: int, state: str, penalty: float) -> None:
    assert of_gpu(gpu(throttle_reasons=reasons))[::2] == (state, penalty)


def test_no_reading_is_unknown_and_never_normal() -> None:
    blind = gpu(temperature_c=NAN, throttle_reasons=-1)
    assert of_gpu(blind).state == "unknown"
    assert of_gpu(gpu(status="lost")).state == "unknown"
    assert of_gpu(gpu(age_s=15.1)).state == "unknown"
    assert of_gpu(gpu(throttle_reasons=-1, temperature_c=60.0)).state == "normal"


def test_a_gpu_without_temperature_is_judged_by_its_reasons() -> None:
    assert of_gpu(gpu(temperature_c=NAN, throttle_reasons=HW_THERMAL)).state == "critical"
    assert of_gpu(gpu(temperature_c=NAN, throttle_reasons=0)).state == "normal"


def test_the_worst_accelerator_decides_not_the_first() -> None:
    cool, hot = of_gpu(gpu()), of_gpu(gpu(temperature_c=95.0))
    assert worst([("GPU-1", cool), ("GPU-2", hot)]) == ("GPU-2", hot)
    assert worst([("GPU-1", cool), ("GPU-2", cool)])[0] == "GPU-1"
    assert worst([])[1].state == "unknown"


def test_the_penalty_follows_the_power() -> None:
    assert combined_penalty([2.0, 1.0], [300.0, 100.0]) == 1.75
    assert combined_penalty([2.0, 1.0], [300.0, NAN]) == 1.5
    assert combined_penalty([], []) == 1.0


@pytest.mark.parametrize(
    ("word", "state"),
    [("Nominal", "normal"), ("moderate", "fair"), ("Heavy", "serious"), ("trapping", "critical"),
     ("", "unknown"), ("lukewarm", "unknown")],
)  # fmt: skip
def test_apples_words(word: str, state: str) -> None:
    assert of_apple(word).state == state


@pytest.mark.parametrize(
    ("readings", "state", "penalty"),
    [
        ({"cpu_clock_ratio": 0.95, "cpu_ratio": 0.9}, "normal", 1.0),
        ({"cpu_clock_ratio": 0.94, "cpu_ratio": 0.9}, "fair", 1.25),
        # without a sensor a low clock may be a power profile
        ({"cpu_clock_ratio": 0.50, "cpu_ratio": 0.9}, "fair", 1.25),
        ({"cpu_clock_ratio": 0.50, "cpu_ratio": 0.9, "cpu_temperature_c": 80.0}, "critical", 2.5),
        ({"cpu_clock_ratio": 0.79, "cpu_ratio": 0.9, "cpu_temperature_c": 80.0}, "serious", 1.75),
        ({"cpu_clock_ratio": 0.50, "cpu_ratio": 0.9, "cpu_temperature_c": 74.9}, "normal", 1.0),
        # at rest a low clock is rest
        ({"cpu_clock_ratio": 0.30, "cpu_ratio": 0.14}, "normal", 1.0),
        ({"cpu_clock_ratio": 1.00, "cpu_ratio": 0.9, "cpu_temperature_c": 85.1}, "serious", 1.75),
        ({"cpu_clock_ratio": 1.00, "cpu_ratio": 0.1, "cpu_temperature_c": 95.0}, "critical", 2.5),
        ({"cpu_temperature_c": 79.9}, "normal", 1.0),
        ({"cpu_temperature_c": 80.0}, "fair", 1.25),
        ({}, "unknown", 1.0),
    ],
)
def test_cpu(readings: dict[str, float], state: str, penalty: float) -> None:
    assert cpu_thermal.judge(host(**readings))[::2] == (state, penalty)
