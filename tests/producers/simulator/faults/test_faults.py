"""Each fault changes what it physically changes, and its end brings things back."""

import itertools
import math

import pytest

from producers.simulator.physics import dvfs
from producers.simulator.scenario.arrivals import Poisson
from producers.simulator.scenario.faults import (
    AgentRestart,
    AmbientRise,
    ClockSkew,
    CpuOffload,
    Dust,
    EccBurst,
    EngineErrors,
    EngineHang,
    FanFailure,
    GpuLost,
    KvPressure,
    LogStall,
    MemoryLeak,
    NetworkPartition,
    NodeCrash,
    NoisyNeighbour,
    PcieLinkDrop,
    PowerBrake,
    PowerCap,
    RuntimeCrash,
    SensorFreeze,
    SensorLoss,
    SwapStorm,
    VersionSkew,
)
from producers.simulator.scenario.machines import Environment
from schemas.events.node_registered import NodeRegistered
from schemas.events.node_sample import NodeSample
from schemas.events.reading import known
from schemas.events.request_finished import RequestFinished
from tests.producers.simulator.scenes import (
    CHAT,
    SMALL,
    T0,
    arrived,
    asked,
    at,
    clients,
    cpu_only,
    h100,
    llama,
    rtx,
    runtime,
    samples,
    scene,
)

FULL = clients("llama-3.1-8b", "llama-1", count=4)
LOAD = asked("llama-3.3-70b", "gpu-1", process=Poisson(6.0), patience_s=30.0)


def tokens(found: list[NodeSample], begin_s: float, end_s: float) -> float:
    """Return tokens a second of the first runtime."""
    first, last = at(found, begin_s).seq, at(found, end_s).seq
    read = [one.runtimes[0] for one in found if first <= one.seq < last and one.runtimes]
    counted = [one for one in read if known(one.generation_tokens)]
    return sum(one.generation_tokens for one in counted) / sum(one.interval_s for one in counted)


def test_a_fan_that_fails_heats_its_gpu_until_it_throttles_and_slows_the_node() -> None:
    fault = FanFailure(nodes=("gpu-1",), gpus=(3,), at_s=300.0, duration_s=600.0)
    found = samples(scene(h100(), arrivals=[clients("llama-3.3-70b", "gpu-1", count=32)], faults=[fault],
                          duration_s=1800.0))  # fmt: skip
    before, during, after = at(found, 290), at(found, 880), at(found, 1700)
    assert not before.gpus[3].throttle_reasons
    assert before.gpus[3].temperature_c < 75
    assert during.gpus[3].temperature_c > 80
    assert during.gpus[3].throttle_reasons & (dvfs.SW_THERMAL | dvfs.HW_THERMAL)
    assert during.gpus[3].sm_clock_mhz < 0.8 * before.gpus[3].sm_clock_mhz
    others = [gpu for index, gpu in enumerate(during.gpus) if index != 3]
    assert all(gpu.temperature_c < 75 and not gpu.throttle_reasons for gpu in others)
    assert tokens(found, 700, 880) < 0.9 * tokens(found, 100, 290)
    assert after.gpus[3].temperature_c < 75
    assert tokens(found, 1500, 1700) == pytest.approx(tokens(found, 100, 290), rel=0.03)


def test_own_fans_are_asked_for_more_when_their_air_is_blocked() -> None:
    fault = FanFailure(nodes=("llama-1",), at_s=200.0, airflow_ratio=0.3)
    found = samples(scene(llama(), arrivals=[FULL], faults=[fault], duration_s=600.0))
    before, during = at(found, 190).gpus[0], at(found, 590).gpus[0]
    assert during.fan_ratio > before.fan_ratio
    assert during.temperature_c > before.temperature_c + 8


def test_dust_heats_slowly() -> None:
    fault = Dust(nodes=("llama-1",), at_s=300.0, resistance_factor=1.5, ramp_s=1200.0)
    found = samples(scene(llama(), arrivals=[FULL], faults=[fault], duration_s=1800.0))
    heat = [at(found, second).gpus[0].temperature_c for second in (290, 700, 1100, 1600)]
    assert heat == sorted(heat)
    assert heat[-1] > heat[0] + 5


def test_warm_air_warms_everything_in_the_rack_and_leaves_again() -> None:
    fault = AmbientRise(nodes=("gpu-1",), at_s=300.0, duration_s=600.0, rise_c=12.0, ramp_s=120.0)
    nodes = h100(), h100("gpu-2")
    scenario = scene(*nodes, arrivals=[asked("llama-3.3-70b", "gpu-1", "gpu-2", process=Poisson(4.0))],
                     faults=[fault], duration_s=1500.0, environment=Environment(ambient_c=22.0))  # fmt: skip
    warm, cool = samples(scenario), samples(scenario, "gpu-2")
    assert at(warm, 890).gpus[0].temperature_c > at(cool, 890).gpus[0].temperature_c + 7
    assert at(warm, 890).host.cpu_temperature_c > at(cool, 890).host.cpu_temperature_c + 7
    assert at(warm, 1490).gpus[0].temperature_c < at(warm, 890).gpus[0].temperature_c - 7


def test_a_power_cap_is_told_and_kept_and_costs_speed() -> None:
    fault = PowerCap(nodes=("gpu-1",), at_s=120.0, duration_s=120.0, limit_w=300.0)
    found = samples(scene(h100(), arrivals=[clients("llama-3.3-70b", "gpu-1", count=32)], faults=[fault],
                          duration_s=400.0))  # fmt: skip
    before, during, after = at(found, 110), at(found, 230), at(found, 390)
    assert (before.gpus[0].power_limit_w, during.gpus[0].power_limit_w) == (700, 300)
    assert all(gpu.throttle_reasons == dvfs.POWER_CAP for gpu in during.gpus)
    assert all(gpu.power_w < 306 for gpu in during.gpus)
    assert during.gpus[0].sm_clock_mhz < before.gpus[0].sm_clock_mhz == after.gpus[0].sm_clock_mhz
    assert tokens(found, 140, 230) < 0.92 * tokens(found, 40, 110)


def test_a_power_brake_makes_power_unsteady() -> None:
    fault = PowerBrake(nodes=("llama-1",), at_s=60.0, duration_s=120.0, period_s=6.0)
    found = samples(scene(llama(), arrivals=[FULL], faults=[fault], duration_s=240.0))
    watts = [sample.gpus[0].power_w for sample in found if 70 <= sample.seq < 170]
    mean = sum(watts) / len(watts)
    deviation = math.sqrt(sum((watt - mean) ** 2 for watt in watts) / len(watts))
    assert deviation / mean > 0.1
    brakes = [sample.gpus[0].throttle_reasons & dvfs.HW_POWER_BRAKE for sample in found]
    assert any(brakes[70:170])
    assert not any(brakes[:55])
    assert not any(brakes[190:])


def test_a_link_that_drops_is_told_in_its_turn_and_makes_exchanges_slow() -> None:
    node = h100(chip="l40s", gpus=4, runtimes=(runtime("vllm", CHAT),))
    fault = PcieLinkDrop(nodes=("gpu-1",), gpus=(1,), at_s=100.0, duration_s=100.0, width=4, generation=3)
    found = samples(scene(node, arrivals=[clients("llama-3.3-70b", "gpu-1", count=4)], faults=[fault],
                          duration_s=300.0))  # fmt: skip
    told = [(sample.seq, one.pcie_width) for sample in found for one in sample.gpu_health
            if one.gpu_id == found[0].gpus[1].gpu_id]  # fmt: skip
    widths = [width for _, width in told]
    assert [width for width, _ in itertools.groupby(widths)] == [16.0, 4.0, 16.0]
    assert next(seq for seq, width in told if width == 4.0) < 112
    assert tokens(found, 110, 190) < 0.95 * tokens(found, 20, 90)


def test_a_leak_fills_memory_at_its_rate_until_the_program_is_restarted() -> None:
    fault = MemoryLeak(nodes=("rtx-1",), at_s=60.0, duration_s=240.0, rate_bytes_per_s=0.1e9)
    found = samples(scene(rtx(), faults=[fault], duration_s=400.0))
    used = [at(found, second).host.memory_used_bytes for second in (50, 160, 260, 390)]
    assert used[1] - used[0] == pytest.approx(10e9, rel=0.05)
    assert used[2] - used[1] == pytest.approx(10e9, rel=0.05)
    assert used[3] == pytest.approx(used[0], rel=0.05)


def test_a_leak_on_an_accelerator_fills_its_memory() -> None:
    fault = MemoryLeak(nodes=("llama-1",), at_s=30.0, rate_bytes_per_s=0.1e9, where="vram")
    found = samples(scene(llama(), faults=[fault], duration_s=120.0))
    grown = at(found, 110).gpus[0].memory_used_bytes - at(found, 20).gpus[0].memory_used_bytes
    assert grown == pytest.approx(8e9, rel=0.05)


def test_a_swap_storm_shows_in_swap_and_pressure_and_passes() -> None:
    fault = SwapStorm(nodes=("rtx-1",), at_s=60.0, duration_s=120.0, memory_bytes=62e9, touch_bytes_per_s=2e9)
    found = samples(scene(rtx(), faults=[fault], duration_s=400.0))
    before, during, after = at(found, 50).host, at(found, 170).host, at(found, 390).host
    assert (before.swap_out_bytes_per_s, before.memory_pressure_ratio) == (0, 0)
    assert during.swap_out_bytes_per_s > 20e6
    assert during.swap_in_bytes_per_s > 20e6
    assert during.memory_pressure_ratio > 0.05
    assert after.swap_out_bytes_per_s == 0
    assert after.memory_pressure_ratio < 0.01


def test_a_cache_that_is_taken_makes_requests_wait_or_lose_their_place() -> None:
    small = h100(gpus=2, runtimes=(runtime("vllm", CHAT),))
    fault = KvPressure(nodes=("gpu-1",), at_s=60.0, duration_s=120.0, blocks_ratio=0.9)
    found = samples(scene(small, arrivals=[clients("llama-3.3-70b", "gpu-1", count=48, prompt=1500)],
                          faults=[fault], duration_s=300.0))  # fmt: skip
    before, during, after = (at(found, second).runtimes[0] for second in (55, 170, 290))
    assert before.requests_waiting == after.requests_waiting == 0
    assert during.requests_waiting > 0
    assert during.kv_cache_ratio > 0.93 > before.kv_cache_ratio
    lost = [one.preemptions for sample in found for one in sample.runtimes if known(one.preemptions)]
    assert sum(lost) > 0


def test_a_neighbour_takes_its_share_and_no_runtime_shows_it() -> None:
    fault = NoisyNeighbour(nodes=("llama-1",), at_s=60.0, duration_s=60.0, gpu_ratio=0.9, cpu_ratio=0.4,
                           vram_bytes=4e9, memory_bytes=10e9)  # fmt: skip
    idle = samples(scene(llama(), faults=[fault], duration_s=180.0))
    during, after = at(idle, 110), at(idle, 170)
    assert during.gpus[0].utilization_ratio > 0.8
    assert during.gpus[0].power_w > 250
    assert during.runtimes[0].requests_running == 0
    assert during.host.cpu_ratio > 0.4
    assert after.gpus[0].utilization_ratio == 0
    busy = samples(scene(llama(), arrivals=[FULL], faults=[fault], duration_s=180.0))
    assert tokens(busy, 70, 115) < 0.65 * tokens(busy, 20, 55)


def test_a_hung_engine_answers_and_makes_no_progress() -> None:
    fault = EngineHang(nodes=("llama-1",), at_s=60.0, duration_s=60.0)
    found = samples(scene(llama(), arrivals=[FULL], faults=[fault], duration_s=180.0))
    during = at(found, 110).runtimes[0]
    assert (during.status, during.requests_running) == ("up", 4)
    assert tokens(found, 65, 115) == 0
    assert tokens(found, 130, 170) == pytest.approx(tokens(found, 20, 55), rel=0.05)
    mute = EngineHang(nodes=("llama-1",), at_s=60.0, duration_s=60.0, answers=False)
    silent = samples(scene(llama(), arrivals=[FULL], faults=[mute], duration_s=180.0))
    assert at(silent, 110).runtimes[0].status == "error"
    assert at(silent, 170).runtimes[0].status == "up"


def test_errors_are_counted_and_told() -> None:
    fault = EngineErrors(nodes=("gpu-1",), at_s=30.0, duration_s=60.0, error_ratio=0.5)
    scenario = scene(h100(), arrivals=[LOAD], faults=[fault], duration_s=120.0)
    failed = sum(one.requests_failed for sample in samples(scenario) for one in sample.runtimes
                 if known(one.requests_failed))  # fmt: skip
    told = [one.event for one in arrived(scenario, RequestFinished)]
    errors = [event for event in told if event.outcome == "upstream_error"]
    assert len(errors) == failed
    assert 120 < failed < 240
    assert {event.http_status for event in errors} == {502}


def test_a_runtime_that_crashed_is_down_and_comes_back_with_new_counters() -> None:
    fault = RuntimeCrash(nodes=("gpu-1",), at_s=60.0, duration_s=10.0)
    found = samples(scene(h100(), arrivals=[LOAD], faults=[fault], duration_s=240.0))
    status = [sample.runtimes[0].status for sample in found if sample.runtimes]
    assert [word for word, _ in itertools.groupby(status)] == ["up", "down", "up"]
    assert at(found, 66).gpus[0].memory_used_bytes < 1e9
    assert tokens(found, 180, 230) > 0
    counts = [one.generation_tokens for sample in found for one in sample.runtimes]
    assert min(count for count in counts if known(count)) >= 0


def test_a_frozen_reading_repeats_until_the_agent_takes_it_out() -> None:
    fault = SensorFreeze(nodes=("llama-1",), at_s=60.0, duration_s=120.0, reading="gpu.power_w")
    found = samples(scene(llama(), arrivals=[FULL], faults=[fault], duration_s=240.0))
    watts = [sample.gpus[0].power_w for sample in found]
    assert len(set(watts[62:110])) == 1
    assert len(set(watts[10:58])) > 40
    frozen = at(found, 150)
    assert not known(frozen.gpus[0].power_w)
    assert frozen.suspects[0].why == "frozen"
    assert at(found, 200).suspects == ()
    assert known(at(found, 200).gpus[0].power_w)


def test_a_lost_sensor_gives_no_reading() -> None:
    fault = SensorLoss(nodes=("llama-1",), at_s=30.0, duration_s=30.0, reading="host.cpu_temperature_c")
    found = samples(scene(llama(), faults=[fault], duration_s=90.0))
    readings = [known(sample.host.cpu_temperature_c) for sample in found]
    assert [told for told, _ in itertools.groupby(readings)] == [True, False, True]
    assert readings.count(False) == 30


def test_a_clock_that_is_wrong_shows_against_the_log_and_as_a_step() -> None:
    fault = ClockSkew(nodes=("llama-1",), at_s=30.0, duration_s=30.0, offset_s=12.0)
    told = arrived(scene(llama(), faults=[fault], duration_s=120.0), NodeSample)
    ahead = [(one.event.occurred_at - one.arrived_at) / 1e6 for one in told]
    assert all(-0.1 < skew < 0 for skew in ahead[:29])
    assert all(11.9 < skew < 12 for skew in ahead[31:59])
    steps = [suspect for one in told for suspect in one.event.suspects]
    assert [suspect.why for suspect in steps] == ["clock_step", "clock_step"]
    assert [suspect.value for suspect in steps] == pytest.approx([12.0, -12.0])


def test_a_node_that_nothing_reaches_tells_later_in_order() -> None:
    fault = NetworkPartition(nodes=("llama-1",), at_s=30.0, duration_s=30.0)
    told = arrived(scene(llama(), faults=[fault], duration_s=120.0), NodeSample)
    assert [one.event.seq for one in told] == list(range(120))
    late = [one for one in told if one.event.spooled]
    spooled = [one.event.seq for one in late]
    assert spooled == list(range(spooled[0], spooled[-1] + 1))
    assert spooled[0] in (30, 31)
    assert min(one.arrived_at for one in late) > T0 + 60e6
    assert max(one.event.agent.spool_records for one in told) > 20
    assert told[-1].event.agent.spool_records == 0


def test_what_never_gets_through_is_never_told() -> None:
    for fault in (NetworkPartition(nodes=("llama-1",), at_s=30.0), LogStall(nodes=(), at_s=30.0)):
        scenario = scene(llama(), arrivals=[FULL], faults=[fault], duration_s=60.0)
        assert [one.event.seq for one in arrived(scenario, NodeSample)] in (list(range(30)), list(range(31)))


def test_a_machine_without_power_is_silent_and_boots_as_another_run() -> None:
    fault = NodeCrash(nodes=("llama-1",), at_s=30.0, duration_s=30.0)
    scenario = scene(llama(), faults=[fault], duration_s=180.0)
    found = samples(scenario)
    boots = [boot for boot, _ in itertools.groupby(sample.boot_id for sample in found)]
    assert len(boots) == 2
    after = [sample for sample in found if sample.boot_id == boots[1]]
    assert after[0].seq == 0
    gap_s = (after[0].occurred_at - found[29].occurred_at) / 1e6
    assert 50 < gap_s < 60
    assert after[0].gpus[0].energy_j < found[29].gpus[0].energy_j
    assert after[-1].runtimes[0].status == "up"


def test_an_agent_that_restarts_goes_on_without_counting_anything_twice() -> None:
    fault = AgentRestart(nodes=("llama-1",), at_s=60.0, duration_s=5.0)
    found = samples(scene(llama(), arrivals=[FULL], faults=[fault], duration_s=120.0))
    assert len({sample.boot_id for sample in found}) == 2
    again = next(sample for sample in found if sample.boot_id != found[0].boot_id)
    assert again.seq == 0
    assert not known(again.runtimes[0].generation_tokens)
    assert again.runtimes[0].requests_running == 4
    assert tokens(found, 80, 110) == pytest.approx(tokens(found, 20, 50), rel=0.05)


def test_another_version_is_registered_and_its_own_again() -> None:
    fault = VersionSkew(nodes=("llama-1",), at_s=30.0, duration_s=30.0, version="0.0.9")
    scenario = scene(llama(agent_version="0.1.0"), faults=[fault], duration_s=90.0)
    versions = [one.event.agent_version for one in arrived(scenario, NodeRegistered, "nodes")]
    assert versions == ["0.1.0", "0.0.9", "0.1.0"]


def test_memory_errors_are_counted_and_told_as_xids() -> None:
    fault = EccBurst(nodes=("gpu-1",), gpus=(2,), at_s=30.0, duration_s=30.0, corrected_per_s=5.0,
                     uncorrected_per_s=0.1, xid=94)  # fmt: skip
    found = samples(scene(h100(), faults=[fault], duration_s=90.0))
    gpu_id = found[0].gpus[2].gpu_id
    told = [one for sample in found for one in sample.gpu_health if one.gpu_id == gpu_id]
    assert told[0].ecc_corrected_volatile_total == 0
    assert told[-1].ecc_corrected_volatile_total == pytest.approx(150, abs=6)
    assert told[-1].ecc_uncorrected_volatile_total == pytest.approx(3, abs=1)
    xids = [xid for one in told for xid in one.xids]
    assert xids == [94] * int(told[-1].ecc_uncorrected_volatile_total)
    others = [one for sample in found for one in sample.gpu_health if one.gpu_id != gpu_id]
    assert all(one.ecc_corrected_volatile_total == 0 and one.xids == () for one in others)


def test_a_gpu_that_falls_off_takes_its_runtime_with_it_and_comes_back() -> None:
    fault = GpuLost(nodes=("gpu-1",), gpus=(5,), at_s=60.0, duration_s=60.0)
    found = samples(scene(h100(), arrivals=[LOAD], faults=[fault], duration_s=300.0))
    during = at(found, 100)
    assert [gpu.status for gpu in during.gpus] == ["ok"] * 5 + ["lost"] + ["ok"] * 2
    assert not known(during.gpus[5].power_w)
    assert during.runtimes[0].status == "down"
    xids = [xid for sample in found for one in sample.gpu_health for xid in one.xids]
    assert xids == [79]
    after = at(found, 290)
    assert after.gpus[5].status == "ok"
    assert after.runtimes[0].status == "up"


def test_layers_on_the_processor_leave_the_accelerator_waiting() -> None:
    fault = CpuOffload(nodes=("llama-1",), at_s=60.0, duration_s=60.0, layers_ratio=0.5)
    found = samples(scene(llama(), arrivals=[FULL], faults=[fault], duration_s=240.0))
    before, during = at(found, 55), at(found, 115)
    assert before.gpus[0].utilization_ratio > 0.9
    assert during.gpus[0].utilization_ratio < 0.3
    assert during.host.cpu_ratio > before.host.cpu_ratio + 0.2
    assert 0 < tokens(found, 70, 115) < 0.4 * tokens(found, 20, 55)
    assert tokens(found, 180, 230) == pytest.approx(tokens(found, 20, 55), rel=0.1)


def test_a_cpu_without_fans_slows_down() -> None:
    node = cpu_only(runtimes=(runtime("llamacpp", SMALL, port=8080, slots=4),))
    fault = FanFailure(nodes=("cpu-1",), at_s=120.0, airflow_ratio=0.0)
    found = samples(scene(node, arrivals=[clients("llama-3.1-8b", "cpu-1", count=4)], faults=[fault],
                          duration_s=1200.0))  # fmt: skip
    before, during = at(found, 110).host, at(found, 1190).host
    assert during.cpu_temperature_c > before.cpu_temperature_c + 15
    assert during.cpu_clock_ratio < before.cpu_clock_ratio
    assert tokens(found, 1000, 1190) < 0.9 * tokens(found, 30, 110)
