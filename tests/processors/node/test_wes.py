import math

import pytest

from processors.node import wes
from processors.node.activity import tokens_per_second
from processors.node.idle_power import ENOUGH, learn, learned_w
from processors.node.speed import model_speeds, power_shares
from processors.node.state import IdlePower, Point
from processors.node.wes import smooth
from schemas.events.node_sample import GpuSample, RuntimeSample
from tests import samples
from tests.samples import at, gpu, host, model, ollama, runtime, serving

NAN = float("nan")


def test_by_hand() -> None:
    assert wes.wes(300.0, 200.0, pue=1.5, penalty=1.0) == 1.0
    assert wes.wes(300.0, 200.0, pue=1.0, penalty=2.0) == 0.75


@pytest.mark.parametrize(
    ("speed", "watts"), [(0.0, 100.0), (NAN, 100.0), (10.0, 0.0), (10.0, NAN), (-1.0, 5.0)]
)
def test_no_score_without_tokens_or_watts(speed: float, watts: float) -> None:
    assert math.isnan(wes.wes(speed, watts, 1.0, 1.0))


def test_a_small_score_is_not_rounded_away() -> None:
    assert wes.wes(20.0, 700.0, 1.0, 1.0) == pytest.approx(0.0285714, rel=1e-5)


@pytest.mark.parametrize(
    ("soc_w", "gpu_w", "cpu_w", "expected"),
    [(30.0, 20.0, 10.0, 30.0), (NAN, 20.0, 10.0, 40.0), (NAN, NAN, 10.0, NAN), (NAN, NAN, NAN, NAN)],
)
def test_watts_are_counted_once(soc_w: float, gpu_w: float, cpu_w: float, expected: float) -> None:
    gpus = (gpu(power_w=gpu_w), gpu("GPU-2", power_w=gpu_w))
    sample = samples.sample(gpus=gpus, host=host(soc_power_w=soc_w, cpu_power_w=cpu_w))
    assert wes.power_w(sample) == pytest.approx(expected, nan_ok=True)


def test_the_cpu_stands_for_a_node_without_accelerators() -> None:
    sample = samples.sample(gpus=(), host=host(soc_power_w=NAN, cpu_power_w=10.0))
    assert wes.power_w(sample) == 10.0


def test_smoothing_keeps_four_none_older_than_ten_seconds() -> None:
    points: tuple[Point, ...] = ()
    for second in (0, 1, 2, 3, 4):
        points = smooth(points, Point(at(second), float(second), 1.0))
    assert [point.tokens_per_second for point in points] == [1.0, 2.0, 3.0, 4.0]
    points = smooth(points, Point(at(12), 12.0, 1.0))
    assert [point.tokens_per_second for point in points] == [2.0, 3.0, 4.0, 12.0]
    points = smooth(points, Point(at(14.5), 14.5, 1.0))
    assert [point.tokens_per_second for point in points] == [12.0, 14.5]


@pytest.mark.parametrize(
    ("reading", "expected"),
    [
        (serving(100.0, interval_s=2.0), 50.0),
        (serving(0.0), 0.0),
        (runtime(generation_tokens=0.0), NAN),
        (ollama(), NAN),
        (serving(100.0, interval_s=0.0), NAN),
        (serving(100.0, interval_s=NAN), NAN),
        (serving(100.0, age_s=16.0), NAN),
        (serving(100.0, status="down"), NAN),
        # a probe's tokens are not activity, unless a user is served beside it
        (runtime(generation_tokens=20.0, probe_age_s=0.5), NAN),
        (runtime(generation_tokens=20.0, requests_running=1.0, probes_running=1.0), NAN),
        (serving(50.0, probe_age_s=0.5), 50.0),
    ],
)
def test_speed_is_activity(reading: RuntimeSample, expected: float) -> None:
    assert tokens_per_second(reading) == pytest.approx(expected, nan_ok=True)


def test_one_model_has_all_of_its_runtimes_speed() -> None:
    assert model_speeds(serving(), 100.0) == [100.0]


def test_models_share_power_by_tokens_else_by_memory() -> None:
    big, small = model("big", vram_bytes=30e9, generation_tokens=20.0), model("small", vram_bytes=10e9)
    both = serving(models=(big, small._replace(generation_tokens=60.0)))
    assert model_speeds(both, 80.0) == [20.0, 60.0]
    assert power_shares([big, small], [20.0, 60.0]) == [0.25, 0.75]
    assert power_shares([big, small], [NAN, NAN]) == [0.75, 0.25]
    assert power_shares([big._replace(vram_bytes=NAN)], [NAN]) == [1.0]
    unknown = [model("a", vram_bytes=NAN), model("b", vram_bytes=NAN)]
    assert all(math.isnan(share) for share in power_shares(unknown, [NAN, NAN]))


def learned(readings: list[GpuSample]) -> IdlePower | None:
    idle = None
    for reading in readings:
        idle = learn(idle, reading)
    return idle


def test_idle_power_is_learned_from_rest_alone() -> None:
    rest = [gpu(power_w=70.0)] * ENOUGH
    assert math.isnan(learned_w(learned(rest[1:])))
    assert learned_w(learned(rest)) == 70.0
    assert learned([gpu(power_w=400.0, utilization_ratio=0.5)]) is None
    assert learned([gpu(power_w=NAN), gpu(power_w=0.0), gpu(power_w=-5.0), gpu(status="lost")]) is None
    assert learned_w(learned(rest + [gpu(power_w=400.0, utilization_ratio=0.9)] * 50)) == 70.0


def test_idle_power_follows_a_new_level() -> None:
    idle = learned([gpu(power_w=70.0)] * 100 + [gpu(power_w=30.0)] * 300)
    assert learned_w(idle) == pytest.approx(30.0, abs=0.5)
