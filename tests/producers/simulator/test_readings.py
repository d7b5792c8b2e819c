"""An agent tells of a simulated machine what it tells of a real one, and a healthy one looks healthy."""

import itertools
import math

import pytest

from processors.node.stage import NodeStage
from processors.node.state import State
from processors.stage import Arrived, Output, advance
from producers.node import checks
from producers.node.frozen import FrozenReadings
from producers.simulator.engine import simulate
from producers.simulator.kinds import KINDS
from producers.simulator.physics import dvfs
from producers.simulator.readings.held import view
from producers.simulator.scenario.arrivals import Arrivals, Bursts, Poisson
from producers.simulator.scenario.faults import RuntimeCrash
from producers.simulator.scenario.machines import Environment, Model, Node
from schemas.events.node_registered import NodeRegistered
from schemas.events.node_sample import NodeSample, RuntimeSample
from schemas.events.node_state import NodeState
from schemas.events.reading import known
from schemas.events.request_finished import RequestFinished
from schemas.events.request_received import RequestReceived
from tests.producers.simulator.scenes import (
    CHAT,
    OTHER,
    SMALL,
    arrived,
    asked,
    at,
    clients,
    cpu_only,
    h100,
    llama,
    mac,
    rtx,
    runtime,
    samples,
    scene,
)

NODES = [h100(), rtx(), llama(), mac(), cpu_only()]
BUSY = {
    "gpu-1": asked("llama-3.3-70b", "gpu-1", process=Poisson(8.0)),
    "rtx-1": clients("llama-3.1-8b", "rtx-1", count=4),
    "llama-1": clients("llama-3.1-8b", "llama-1", count=4),
    "mac-1": clients("llama-3.1-8b", "mac-1", count=4),
    "cpu-1": clients("llama-3.1-8b", "cpu-1", count=4),
}


def busy(node: Node, duration_s: float = 900.0) -> list[NodeSample]:
    return samples(scene(node, arrivals=[BUSY[node.name]], duration_s=duration_s))


@pytest.mark.parametrize("node", NODES, ids=lambda node: node.name)
def test_full_load_is_healthy(node: Node) -> None:
    warm = scene(node, arrivals=[BUSY[node.name]], duration_s=900.0, environment=Environment(ambient_c=28.0))
    judge = FrozenReadings()
    for sample in samples(warm):
        for gpu in sample.gpus:
            assert gpu.status == "ok"
            assert not gpu.temperature_c > gpu.temperature_slowdown_c - 10
            assert gpu.throttle_reasons in (-1, 0, dvfs.IDLE, dvfs.POWER_CAP)
            assert checks.gpu(gpu)[1] == ()
        assert sample.host.thermal_pressure in ("", "nominal")
        assert not sample.host.cpu_temperature_c > 85
        assert checks.host(sample.host)[1] == ()
        assert all(checks.runtime(one)[1] == () for one in sample.runtimes)
        assert all(checks.health(one)[1] == () for one in sample.gpu_health)
        judged = judge.screened(sample, [view(sample)])
        assert judged.suspects == (), "no reading stands still"


@pytest.mark.parametrize("node", NODES, ids=lambda node: node.name)
def test_the_node_stage_makes_sense_of_it(node: Node) -> None:
    states: dict[str, State] = {}
    told: list[NodeState] = []
    scenario = scene(node, arrivals=[BUSY[node.name]], duration_s=240.0)
    for sample, arrived_at in arrived(scenario, NodeSample):
        for output in advance(states, NodeStage(), Arrived(sample, arrived_at)):
            assert isinstance(output, Output)
            told += [output.event] if isinstance(output.event, NodeState) else []
    last = told[-1]
    assert last.inference_state == "live"
    assert last.thermal_state == "normal"
    assert last.samples_total == 240
    assert last.power_w > 20
    counted = KINDS[node.runtimes[0].kind].tells_tokens
    # Runtimes are read every two seconds, so every other state has no speed.
    assert any(known(state.tokens_per_second) for state in told[-2:]) == counted
    assert any(known(state.wes) for state in told[-2:]) == counted


def test_idle_nodes_draw_what_idle_chips_draw() -> None:
    idle = {node.name: samples(scene(node, duration_s=60.0))[-1] for node in NODES}
    assert all(70 < gpu.power_w < 95 for gpu in idle["gpu-1"].gpus)
    assert 15 < idle["rtx-1"].gpus[0].power_w < 26
    assert idle["rtx-1"].gpus[0].performance_state == 8
    assert idle["mac-1"].host.soc_power_w < 6
    for name in ("gpu-1", "rtx-1"):
        assert all(gpu.throttle_reasons == dvfs.IDLE for gpu in idle[name].gpus)
        assert all(gpu.sm_clock_mhz < 400 for gpu in idle[name].gpus)


def test_nvml_tells_whole_degrees_and_percents_and_only_what_a_board_has() -> None:
    for name, memory, fan in (("gpu-1", True, False), ("rtx-1", False, True)):
        node = next(one for one in NODES if one.name == name)
        for gpu in busy(node, 60.0)[-1].gpus:
            assert gpu.temperature_c == int(gpu.temperature_c)
            assert 100 * gpu.utilization_ratio == pytest.approx(round(100 * gpu.utilization_ratio))
            assert known(gpu.memory_temperature_c) == memory
            assert known(gpu.fan_ratio) == fan
            assert gpu.energy_j > 0


def test_energy_is_the_integral_of_power() -> None:
    found = busy(h100(), 120.0)
    used = found[-1].gpus[2].energy_j - found[0].gpus[2].energy_j
    assert used == pytest.approx(sum(one.gpus[2].power_w for one in found[1:]), rel=0.005)


def test_an_apple_node_tells_the_power_of_its_chip_and_no_temperature() -> None:
    sample = busy(mac(), 120.0)[-1]
    host, gpu = sample.host, sample.gpus[0]
    assert host.soc_power_w == pytest.approx(host.cpu_power_w + gpu.power_w)
    assert not any(map(known, (gpu.temperature_c, gpu.power_limit_w, gpu.energy_j, host.cpu_temperature_c)))
    assert gpu.throttle_reasons == -1
    assert gpu.memory_total_bytes == 0.75 * 64e9
    assert known(host.memory_pressure_ratio)
    assert not known(host.memory_stall_ratio)


def test_slow_readings_come_every_ten_seconds_each_device_in_its_turn() -> None:
    found = samples(scene(h100(), duration_s=60.0))
    assert len(found[0].gpu_health) == 8
    assert all(len(sample.gpu_health) <= 2 for sample in found[1:])
    told = [health.gpu_id for sample in found[20:30] for health in sample.gpu_health]
    assert sorted(told) == sorted(gpu.gpu_id for gpu in found[0].gpus)
    health = found[0].gpu_health[0]
    assert (health.pcie_width, health.nvlink_links_active) == (16, 18)
    assert health.processes[0].runtime_id == "vllm:8000"
    assert [bool(sample.temperatures) for sample in found[:21]].count(True) == 3
    assert [bool(sample.collectors) for sample in found[:21]].count(True) == 3


def test_runtimes_are_read_every_two_seconds_and_each_token_is_told_once() -> None:
    found = busy(llama(), 120.0)
    read = [sample.runtimes[0] for sample in found]
    fresh = [one for one in read if known(one.interval_s)]
    assert len(fresh) == pytest.approx(60, abs=1)
    assert all(one.interval_s == pytest.approx(2.0) for one in fresh)
    stale = [one for one in read if not known(one.interval_s)]
    assert all(not known(one.generation_tokens) for one in stale)
    assert {round(one.age_s) for one in stale[1:]} == {1}
    assert all(one.requests_running == 4 for one in read[5:])


TOLD = {
    "vllm": {"requests_running", "kv_cache_ratio", "generation_tokens", "cached_prompt_tokens",
             "requests_finished", "preemptions", "ttft_count", "queue_sum_s"},
    "sglang": {"requests_running", "slots", "kv_cache_ratio", "generation_tokens", "cached_prompt_tokens",
               "requests_finished", "ttft_count", "queue_sum_s"},
    "llamacpp": {"requests_running", "slots", "generation_tokens", "cached_prompt_tokens"},
    "llamabox": {"kv_cache_ratio", "generation_tokens"},
    "ollama": {"last_activity_age_s"},
    "lmstudio": set[str](),
    "openai": set[str](),
}  # fmt: skip


@pytest.mark.parametrize("kind", TOLD)
def test_each_kind_of_runtime_tells_what_its_collector_finds(kind: str) -> None:
    node = rtx(runtimes=(runtime(kind, SMALL, slots=4),))
    found = samples(scene(node, arrivals=[asked("llama-3.1-8b", "rtx-1")], duration_s=60.0))
    of_any = set[str]().union(*TOLD.values())
    told = {name for name in of_any for sample in found if known(getattr(sample.runtimes[0], name))}
    assert told == TOLD[kind]
    model = found[-1].runtimes[0].models[0]
    assert known(model.size_bytes) == (kind in ("llamacpp", "llamabox", "ollama", "lmstudio"))
    assert known(model.expires_in_s) == (kind == "ollama")


def test_counts_agree_with_what_was_asked() -> None:
    stream = asked("llama-3.3-70b", "gpu-1", process=Bursts(1000.0, 20, 5.0), prompt=400, output=100)
    read = [sample.runtimes[0] for sample in samples(scene(h100(), arrivals=[stream], duration_s=60.0))]

    def whole(name: str) -> float:
        told: list[float] = [getattr(one, name) for one in read]
        return sum(filter(known, told))

    assert whole("prompt_tokens") == 20 * 400
    assert whole("generation_tokens") == 20 * 100
    assert whole("requests_finished") == whole("ttft_count") == whole("e2e_count") == 20
    assert whole("requests_failed") == 0
    assert 0 < whole("ttft_sum_s") < whole("e2e_sum_s")


def test_ollama_loads_on_demand_unloads_when_idle_and_shows_when_it_was_asked() -> None:
    keep = rtx(runtimes=(runtime("ollama", SMALL, OTHER, port=11434, slots=4, keep_alive_s=60.0),))
    stream = asked("qwen2.5-14b", "rtx-1", process=Bursts(1000.0, 2, 1.0), begin_s=90.0)
    found = samples(scene(keep, arrivals=[stream], duration_s=240.0))

    def models(second: float) -> set[str]:
        return {model.name for model in at(found, second).runtimes[0].models}

    assert models(30) == {"llama-3.1-8b"}
    assert models(80) == set()
    assert models(120) == {"qwen2.5-14b"}
    assert models(230) == set()
    ages = [sample.runtimes[0].last_activity_age_s for sample in found]
    assert not known(ages[10])
    assert 0.0 in ages
    assert at(found, 70).gpus[0].memory_used_bytes < 1e9 < at(found, 120).gpus[0].memory_used_bytes


def test_models_that_do_not_fit_together_take_turns() -> None:
    node = rtx(chip="rtx-3080", runtimes=(runtime("ollama", SMALL, OTHER, port=11434, slots=1),))
    streams = [
        asked("llama-3.1-8b", "rtx-1", process=Bursts(60.0, 1, 1.0), name="a"),
        asked("qwen2.5-14b", "rtx-1", process=Bursts(60.0, 1, 1.0), begin_s=30.0, name="b"),
    ]
    found = samples(scene(node, arrivals=streams, duration_s=240.0))
    seen = [frozenset(model.name for model in sample.runtimes[0].models) for sample in found]
    changes = sum(before != after for before, after in itertools.pairwise(seen))
    assert changes > 6
    assert all(len(names) <= 1 for names in seen)


def test_no_request_is_lost_while_models_take_turns() -> None:
    node = rtx(chip="rtx-3080", runtimes=(runtime("ollama", SMALL, OTHER, port=11434, slots=2),))
    streams = [
        asked("llama-3.1-8b", "rtx-1", process=Poisson(0.2), output=40, name="a"),
        asked("qwen2.5-14b", "rtx-1", process=Poisson(0.2), output=40, name="b", end_s=300.0),
    ]
    scenario = scene(node, arrivals=streams, duration_s=600.0)
    received = {one.event.request_id for one in arrived(scenario, RequestReceived)}
    finished = [one.event for one in arrived(scenario, RequestFinished)]
    assert len(received) > 150
    assert len(received - {event.request_id for event in finished}) < 4, "only the newest"
    assert {event.outcome for event in finished} == {"completed"}


def test_a_model_too_large_for_the_board_runs_partly_on_the_processor() -> None:
    big = rtx(runtimes=(runtime("ollama", Model(name="llama-3.3-70b", quantization="q4_k_m"), slots=1),))
    found = samples(
        scene(big, arrivals=[clients("llama-3.3-70b", "rtx-1", count=1, prompt=50)], duration_s=90.0)
    )
    sample = found[-1]
    model = sample.runtimes[0].models[0]
    assert model.vram_bytes < 0.6 * model.size_bytes
    assert sample.gpus[0].utilization_ratio < 0.2
    assert sample.host.cpu_ratio > 0.3


def test_a_registration_follows_when_models_change() -> None:
    stream = asked("qwen2.5-14b", "rtx-1", process=Bursts(1000.0, 1, 1.0), begin_s=30.0)
    node = rtx(runtimes=(runtime("ollama", SMALL, OTHER, port=11434, slots=1),))
    events = [
        fact.event
        for fact in simulate(scene(node, arrivals=[stream], duration_s=90.0))
        if isinstance(fact.event, NodeRegistered) and fact.topic.name == "nodes"
    ]
    loaded = [[model.name for model in event.runtimes[0].models if model.loaded] for event in events]
    assert loaded[0] == ["llama-3.1-8b"]
    assert loaded[-1] == ["llama-3.1-8b", "qwen2.5-14b"]
    assert events[0].started_at == events[-1].started_at < events[-1].occurred_at


def test_queue_and_prompt_make_the_first_token_later_and_slots_make_the_queue() -> None:
    def ttft(read: list[RuntimeSample]) -> float:
        counted = [one for one in read if one.ttft_count > 0]
        return sum(one.ttft_sum_s for one in counted) / sum(one.ttft_count for one in counted)

    def run(slots: int, prompt: int) -> list[RuntimeSample]:
        node = h100(runtimes=(runtime("vllm", CHAT, slots=slots),))
        stream = clients("llama-3.3-70b", "gpu-1", count=16, prompt=prompt)
        return [sample.runtimes[0] for sample in samples(scene(node, arrivals=[stream], duration_s=90.0))]

    wide, narrow, long = run(64, 500), run(4, 500), run(64, 8000)
    assert max(one.requests_waiting for one in wide) < max(one.requests_waiting for one in narrow) == 12
    assert ttft(wide) < 0.5 * ttft(narrow)
    assert ttft(wide) < 0.5 * ttft(long)
    assert not math.isnan(ttft(wide))


def test_two_runtimes_on_one_accelerator_share_its_time() -> None:
    both = rtx(
        runtimes=(
            runtime("llamacpp", SMALL, port=8080, slots=2),
            runtime("llamacpp", Model(name="llama-3.2-3b", quantization="q4_k_m"), port=8081, slots=2),
        )
    )
    first, second = (clients(name, "rtx-1", count=1) for name in ("llama-3.1-8b", "llama-3.2-3b"))

    def written(*streams: Arrivals) -> float:
        found = samples(scene(both, arrivals=streams, duration_s=90.0))
        counts = [sample.runtimes[0].generation_tokens for sample in found]
        return sum(filter(known, counts))

    assert written(first, second) == pytest.approx(0.5 * written(first), rel=0.1)


def test_reports_of_collectors_tell_of_trouble_at_once() -> None:
    fault = RuntimeCrash(nodes=("llama-1",), at_s=33.0, duration_s=30.0)
    found = samples(scene(llama(), faults=[fault], duration_s=90.0))
    told = [(sample.seq, one.status) for sample in found for one in sample.collectors
            if one.name == "llamacpp:8080"]  # fmt: skip
    first = next(seq for seq, status in told if status == "error")
    assert 33 <= first <= 35
    assert told[-1][1] == "ok"
    assert {one.status for one in found[20].collectors} == {"ok"}


def test_a_narrow_slot_is_no_degraded_link() -> None:
    found = samples(scene(llama(pcie_width=8), duration_s=20.0))
    health = found[0].gpu_health[0]
    assert health.pcie_width == health.pcie_width_max == 8
