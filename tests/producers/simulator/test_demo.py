"""The demonstration's fleet: deterministic, coupled, and made of valid events."""

import itertools
import math
from dataclasses import replace

import pytest

from producers.simulator.demo import AMBIENT_C, NodeState, begin, step
from producers.simulator.demo_physics import HW_THERMAL, IDLE, load, noise
from producers.simulator.fleet import FLEET, NodeModel, registration
from schemas.codec.serde import decode_body, encode_body
from schemas.events.node_sample import NodeSample

H100, HOT, OLLAMA, MAC, CPU = FLEET
T0 = 1_763_700_000.0


def run(node: NodeModel, seconds: int, seed: int = 0) -> list[NodeSample]:
    state, samples = begin(node, boot_id="boot", at_s=T0), []
    for second in range(1, seconds + 1):
        state, sample = step(node, state, T0 + second, seed)
        samples.append(sample)
    return samples


@pytest.mark.parametrize("node", FLEET, ids=lambda node: str(node.node_id))
def test_the_same_seed_gives_the_same_bytes(node: NodeModel) -> None:
    first, again, other = run(node, 60), run(node, 60), run(node, 60, seed=1)
    assert [*map(encode_body, first)] == [*map(encode_body, again)]
    assert [*map(encode_body, first)] != [*map(encode_body, other)]
    assert [sample.seq for sample in first] == list(range(60))


@pytest.mark.parametrize("node", FLEET, ids=lambda node: str(node.node_id))
def test_its_facts_are_facts_like_any(node: NodeModel) -> None:
    sample = run(node, 3)[-1]
    decoded = decode_body("node_sample", encode_body(sample))
    assert encode_body(decoded) == encode_body(sample)
    registered = registration(node, boot_id="boot", at=1, version="1", interval_s=1.0)
    assert decode_body("node_registered", encode_body(registered))
    assert {gpu.gpu_id for gpu in sample.gpus} == {gpu.gpu_id for gpu in registered.gpus}
    assert sample.runtimes[0].runtime_id == registered.runtimes[0].runtime_id


def test_power_and_heat_follow_the_load() -> None:
    samples = run(H100, 1200)
    busy = max(samples, key=lambda sample: sample.runtimes[0].generation_tokens)
    rest = min(samples, key=lambda sample: sample.runtimes[0].generation_tokens)
    assert busy.gpus[0].power_w > 5 * rest.gpus[0].power_w
    assert rest.gpus[0].throttle_reasons == IDLE
    steps = [
        abs(after.gpus[0].temperature_c - before.gpus[0].temperature_c)
        for before, after in itertools.pairwise(samples)
    ]
    assert max(steps) <= 3, "heat has inertia"
    assert all(AMBIENT_C < sample.gpus[0].temperature_c < 90 for sample in samples)


def test_energy_is_the_integral_of_power() -> None:
    samples = run(H100, 100)
    used = samples[-1].gpus[0].energy_j - samples[0].gpus[0].energy_j
    assert used == pytest.approx(sum(sample.gpus[0].power_w for sample in samples[:-1]), rel=1e-6)


def test_a_badly_cooled_gpu_throttles_and_slows_the_node() -> None:
    samples = run(HOT, 1800)
    throttled = [sample for sample in samples if sample.gpus[3].throttle_reasons & HW_THERMAL]
    assert throttled
    assert all(not gpu.throttle_reasons & HW_THERMAL for sample in samples for gpu in sample.gpus[:3])
    hot = throttled[0]
    cool = replace(HOT, hot_gpu=-1)
    state = NodeState("boot", T0, hot.occurred_at / 1e6 - 1, 0, begin(cool, boot_id="b", at_s=T0).gpus,
                      begin(cool, boot_id="b", at_s=T0).cpu)  # fmt: skip
    _, same_load = step(cool, state, hot.occurred_at / 1e6)
    assert hot.runtimes[0].generation_tokens < 0.8 * same_load.runtimes[0].generation_tokens


def test_ollama_counts_nothing_and_shows_activity() -> None:
    samples = run(OLLAMA, 1200)
    assert all(math.isnan(sample.runtimes[0].generation_tokens) for sample in samples)
    ages = [sample.runtimes[0].last_activity_age_s for sample in samples]
    assert 0.0 in ages
    assert max(age for age in ages if not math.isnan(age)) > 20, "it rests at times"


def test_an_apple_node_tells_the_power_of_the_chip_once() -> None:
    sample = run(MAC, 5)[-1]
    assert sample.host.soc_power_w > 0
    assert math.isnan(sample.gpus[0].power_w)
    assert math.isnan(sample.host.cpu_power_w)


def test_a_cpu_node_has_watts_and_tokens_without_a_gpu() -> None:
    samples = run(CPU, 600)
    assert all(sample.gpus == () and sample.host.cpu_power_w > 0 for sample in samples)
    assert sum(sample.runtimes[0].generation_tokens for sample in samples) > 0


def test_noise_is_within_its_bounds_and_load_too() -> None:
    assert all(-1 <= noise(index) <= 1 for index in range(1000))
    loads = [load(0, "node", second) for second in range(3600)]
    assert min(loads) == 0
    assert 0.8 < max(loads) <= 1
