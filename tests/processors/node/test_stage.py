"""The stage by hand, at its boundaries."""

import math
from typing import Any

import pytest

from processors.node.stage import FORGET_US, FUTURE_US, PAST_US
from processors.node.thermal_state import HW_THERMAL
from processors.stage import Arrived, Output
from schemas.codec.serde import encode_body
from schemas.events.node_hint import NodeHint
from schemas.events.node_pane import SuspectPane
from schemas.events.node_registered import (
    AvailableModel,
    GpuInventory,
    NodeRegistered,
    RuntimeInventory,
)
from schemas.events.node_sample import Suspect
from schemas.events.node_stopped import NodeStopped
from schemas.events.operator_action import OperatorAction
from schemas.events.reading import NAN
from schemas.events.watermark import Watermark
from schemas.topics import NODE_STATES, PANES
from tests.processors.node.replay import Replay, arrived, panes, rejected, states
from tests.samples import T0, at, gpu, health, host, model, ollama, runtime, sample, serving, tick


def test_every_sample_gives_a_state() -> None:
    replay = Replay(pue=1.5)
    busy = sample(0, gpus=(gpu(power_w=200.0, utilization_ratio=0.9),), runtimes=(serving(300.0),))
    (state,) = states(replay.feed(busy))
    assert (state.node_id, state.seq, state.inference_state) == ("node-1", 0, "live")
    assert (state.tokens_per_second, state.power_w, state.pue) == (300.0, 200.0, 1.5)
    assert (state.wes, state.wes_raw) == (1.0, 1.0)
    assert state.arrived_at - state.occurred_at == 20_000
    assert state.clock_skew_s == -0.02


def test_heat_costs_wes_and_not_raw_wes() -> None:
    hot = sample(0, gpus=(gpu(power_w=200.0, throttle_reasons=HW_THERMAL),), runtimes=(serving(400.0),))
    (state,) = states(Replay().feed(hot))
    assert (state.thermal_state, state.thermal_penalty) == ("critical", 2.0)
    assert state.thermal_reason == "GPU-00000001: hw_thermal_slowdown"
    assert (state.wes, state.wes_raw) == (1.0, 2.0)


def test_speed_and_power_are_means_of_four() -> None:
    replay = Replay()
    for seq, tokens in enumerate((100.0, 200.0, 300.0, 400.0, 500.0)):
        one = sample(seq, gpus=(gpu(power_w=100.0 * (seq + 1)),), runtimes=(serving(tokens),))
        last = states(replay.feed(one))[-1]
    assert (last.tokens_per_second, last.power_w, last.wes) == (350.0, 350.0, 1.0)


def test_speed_is_gone_with_the_work() -> None:
    replay = Replay()
    replay.feed(sample(0, gpus=(gpu(),), runtimes=(serving(100.0),)))
    (idle,) = states(replay.feed(sample(1, gpus=(gpu(),), runtimes=(runtime(),))))
    assert idle.inference_state == "idle"
    assert math.isnan(idle.tokens_per_second)
    assert math.isnan(idle.wes)


def test_a_probes_figure_is_a_field_of_its_own() -> None:
    probed = ollama(probe_tokens_per_second=45.0, probe_age_s=3.0)
    (state,) = states(Replay().feed(sample(0, gpus=(gpu(),), runtimes=(probed,))))
    assert (state.inference_state, state.probe_tokens_per_second) == ("idle_spd", 45.0)
    assert math.isnan(state.tokens_per_second)
    assert math.isnan(state.wes)


def test_a_state_knows_since_when() -> None:
    replay = Replay()
    for seq in range(3):
        replay.feed(sample(seq, runtimes=(runtime(),)))
    replay.feed(sample(3, runtimes=(serving(),)))
    (state,) = states(replay.feed(sample(4, runtimes=(runtime(generation_tokens=9.0),))))
    assert (state.inference_state, state.inference_reason, state.inference_since) == ("live", "tokens", at(3))


def test_without_an_accelerator_the_cpu_is_it() -> None:
    hot = host(cpu_temperature_c=96.0)
    (state,) = states(Replay().feed(sample(0, host=hot)))
    assert (state.thermal_state, state.thermal_reason, state.cpu_thermal_state) == (
        "critical",
        "cpu: temperature",
        "critical",
    )
    (with_gpu,) = states(Replay().feed(sample(0, host=hot, gpus=(gpu(),))))
    assert (with_gpu.thermal_state, with_gpu.cpu_thermal_state) == ("normal", "critical")


def test_a_pane_closes_two_seconds_after_its_end() -> None:
    replay = Replay()
    for seq in range(12):
        assert panes(replay.feed(sample(seq))) == []
    (pane,) = panes(replay.feed(sample(12)))
    assert (pane.started_at, pane.occurred_at) == (at(0), at(10))
    assert (pane.samples, pane.expected, pane.missing) == (10, 10, 0)
    assert pane.delay_max_s == 0.02


def test_a_pane_is_the_fold_of_its_samples() -> None:
    replay = Replay()
    for seq in range(13):
        busy = seq % 2 == 0
        replay.feed(
            sample(
                seq,
                gpus=(
                    gpu(
                        utilization_ratio=0.9 if busy else 0.0, power_w=300.0 + seq, throttle_reasons=4 * busy
                    ),
                ),
                runtimes=(serving(100.0 + seq) if busy else runtime(),),
                gpu_health=(health(xids=(seq,)),) if seq in (3, 5) else (),
            )
        )
    (pane,) = panes(replay.said)
    assert (pane.power_w.n, pane.power_w.mean, pane.power_w.first, pane.power_w.last) == (
        10,
        304.5,
        300.0,
        309.0,
    )
    assert (pane.tokens_per_second.n, pane.tokens_per_second.mean) == (5, 104.0)
    assert (pane.inference_live, pane.inference_idle) == (5, 5)
    assert pane.thermal_normal == 10
    (folded,) = pane.gpus
    assert (folded.samples, folded.active, folded.throttled_power, folded.throttled_thermal) == (10, 5, 5, 0)
    assert folded.utilization_ratio.mean == pytest.approx(0.45)
    (served,) = pane.runtimes
    assert (served.generation_tokens, served.requests_finished != served.requests_finished) == (520.0, True)
    (model,) = pane.models
    assert (model.name, model.tokens_per_second.n) == ("llama3.1:8b", 5)
    assert pane.gpu_health[0].xids == (3, 5)
    assert sum(pane.tokens_per_second_histogram.counts) == 5


def test_an_accelerator_that_comes_and_goes_is_folded_on_its_own() -> None:
    replay = Replay()
    for seq in range(13):
        gpus = (gpu("GPU-b"), gpu("GPU-a")) if seq < 4 else (gpu("GPU-b"),)
        replay.feed(sample(seq, gpus=gpus))
    (pane,) = panes(replay.said)
    assert [(one.gpu_id, one.samples) for one in pane.gpus] == [("GPU-a", 4), ("GPU-b", 10)]


def test_a_silent_nodes_pane_closes_after_thirty_seconds_of_ticks() -> None:
    replay = Replay()
    replay.feed(sample(0), sample(1))
    for second in (5, 10, 15, 20, 25, 30):
        assert panes(replay.feed(tick(second))) == []
    (pane,) = panes(replay.feed(tick(35)))
    assert (pane.samples, pane.stopped) == (2, 0)
    before = replay.state()
    assert panes(replay.feed(tick(40))) == []
    assert replay.state() is before


def test_a_tick_is_passed_on_once_with_the_time_it_came() -> None:
    replay = Replay()
    replay.feed(sample(0), sample(0, node_id="node-2"))
    marks = replay.feed(Arrived(tick(5), at(5.5), partition=3))
    mark = Watermark(tick(5).occurred_at, "node-stage", 3, at(5.5), 5.0)
    assert marks == (Output(NODE_STATES, "~watermark", mark), Output(PANES, None, mark))


def test_an_outage_of_the_log_is_no_silence_of_the_node() -> None:
    replay = Replay()
    replay.feed(sample(0), sample(1), tick(5))
    # An hour without the log; then a tick comes before the samples that waited on disk.
    assert panes(replay.feed(tick(3600))) == []
    late = [Arrived(sample(seq, spooled=True), at(3601)) for seq in range(2, 13)]
    (pane,) = panes(replay.feed(*late))
    assert (pane.samples, pane.late, pane.spooled) == (10, 0, 8)


def test_a_late_sample_is_counted_and_not_folded() -> None:
    replay = Replay()
    replay.feed(*(sample(seq) for seq in range(13) if seq != 4))
    assert replay.feed(Arrived(sample(4), at(12.5))) == ()
    (pane,) = panes(replay.feed(*(sample(seq) for seq in range(13, 23))))
    assert (pane.late, pane.missing, pane.samples) == (1, -1, 10)
    assert states(replay.said)[-1].late_total == 1


def test_a_reordered_sample_joins_its_pane_and_leaves_the_state() -> None:
    replay = Replay()
    assert states(replay.feed(sample(0), sample(2), Arrived(sample(1), at(2.5))))[-1].seq == 2
    (pane,) = panes(replay.feed(*(sample(seq) for seq in range(3, 13))))
    assert (pane.samples, pane.missing) == (10, 0)


def test_a_gap_shows_in_pane_and_state() -> None:
    replay = Replay()
    replay.feed(*(sample(seq) for seq in (0, 1, 2, 6, 7)))
    assert states(replay.said)[-1].missing_total == 3
    (pane,) = panes(replay.feed(*(sample(seq) for seq in range(8, 13))))
    assert (pane.samples, pane.missing, pane.expected) == (7, 3, 10)


def test_duplicates_say_nothing_and_are_counted() -> None:
    replay = Replay()
    replay.feed(sample(0), sample(1))
    assert replay.feed(sample(0), sample(1), sample(1)) == ()
    assert states(replay.feed(sample(2)))[0].duplicates_total == 3


def test_a_node_id_used_by_two_machines_is_counted() -> None:
    replay = Replay()
    replay.feed(sample(0), sample(1))
    replay.feed(sample(1, boot_id="boot-b", occurred_at=at(1.5)))
    assert replay.feed(sample(2), sample(3)) == ()
    assert states(replay.feed(sample(2, boot_id="boot-b")))[0].conflicts_total == 2


@pytest.mark.parametrize(
    ("delay_us", "accepted"),
    [(-FUTURE_US, True), (-FUTURE_US - 1, False), (PAST_US, True), (PAST_US + 1, False)],
)
def test_a_time_that_cannot_be_is_refused(delay_us: int, accepted: bool) -> None:
    replay = Replay()
    outputs = replay.feed(arrived(sample(0), delay_us))
    assert bool(states(outputs)) is accepted
    assert [one.reason for one in rejected(outputs)] == ([] if accepted else ["implausible_time"])


def test_1970_and_2100_leave_the_node_alone() -> None:
    replay = Replay()
    replay.feed(sample(0))
    far = 4_102_444_800_000_000
    outputs = replay.feed(
        Arrived(sample(1, occurred_at=0), at(1)), Arrived(sample(2, occurred_at=far), at(2))
    )
    assert len(rejected(outputs)) == 2
    assert states(replay.feed(sample(3)))[0].late_total == 0


def test_a_clock_that_goes_back_does_not_make_an_hour_of_lateness() -> None:
    replay = Replay()
    replay.feed(*(sample(seq) for seq in range(8)))
    shifted = [Arrived(sample(seq, occurred_at=at(seq - 3600)), at(seq)) for seq in range(8, 30)]
    outputs = replay.feed(*shifted)
    assert len(states(outputs)) == len(shifted)
    assert states(outputs)[-1].late_total == 0
    assert [pane.samples for pane in panes(outputs)] == [8, 2, 10]


def test_panes_of_a_repeated_hour_have_ids_of_their_own() -> None:
    replay = Replay()
    replay.feed(*(sample(seq) for seq in range(13)))
    back = [Arrived(sample(seq, occurred_at=at(seq - 13)), at(seq)) for seq in range(13, 28)]
    replay.feed(*back)
    ids = [pane.id for pane in panes(replay.said)]
    starts = [pane.started_at for pane in panes(replay.said)]
    assert starts.count(at(0)) == 2
    assert len(set(ids)) == len(ids)


def test_nan_and_negative_readings_break_nothing() -> None:
    replay = Replay()
    for seq in range(13):
        odd = gpu(power_w=(NAN, -50.0, math.inf)[seq % 3], temperature_c=NAN, utilization_ratio=-1.0)
        slow = serving((NAN, -5.0, math.inf)[seq % 3])
        replay.feed(sample(seq, gpus=(odd,), runtimes=(slow,), host=host(cpu_ratio=NAN)))
    assert len(states(replay.said)) == 13
    for pane in panes(replay.said):
        encode_body(pane)


def test_an_event_of_another_topic_is_refused() -> None:
    replay = Replay()
    action = OperatorAction("a", at(0), "observation", "o", "default", "node-1", "resolve", "me", "", 0)
    outputs = replay.feed(action)
    assert [one.reason for one in rejected(outputs)] == ["unexpected_event"]
    assert replay.states == {}


def registered() -> NodeRegistered:
    described = GpuInventory(
        "GPU-00000001", "", 0, "nvidia", "NVIDIA H100", "", "", "580.1", "", "default", False
    )
    offered = AvailableModel("llama3.1:8b", "", "llama", "Q4_K_M", True, 4.9e9, 8.03e9)
    served = RuntimeInventory("vllm:8000", "vllm", "", "0.11", "argv", "", "", 42, 256.0, (offered,))
    return NodeRegistered(
        "node-1", "default", "boot-a", T0, T0, "0.1.0", "node-1", "", "linux", "6.1", "x86_64", "", "EPYC",
        {"rack": "r1"}, 64.0, 32.0, 64.0, 5e11, 0.0, 1.0, (described,), (served,), (),
    )  # fmt: skip


def test_panes_tell_what_the_registration_says() -> None:
    replay = Replay()
    loaded = serving(models=(model("llama3.1:8b"),))
    replay.feed(registered(), *(sample(seq, gpus=(gpu(),), runtimes=(loaded,)) for seq in range(13)))
    (pane,) = panes(replay.said)
    assert (pane.agent_version, pane.cpu_model, pane.driver_version) == ("0.1.0", "EPYC", "580.1")
    assert pane.tags == {"rack": "r1"}
    assert (pane.gpus[0].name, pane.gpus[0].vendor) == ("NVIDIA H100", "nvidia")
    assert (pane.models[0].quantization, pane.models[0].parameters) == ("Q4_K_M", 8.03e9)


def test_a_pane_without_a_registration_says_so() -> None:
    replay = Replay()
    replay.feed(*(sample(seq, gpus=(gpu(),)) for seq in range(13)))
    (pane,) = panes(replay.said)
    assert (pane.agent_version, pane.gpus[0].name, pane.tags) == ("", "", {})


def test_a_hint_is_told_with_every_state_after_it() -> None:
    replay = Replay()
    replay.feed(sample(0), NodeHint("h", "node-1", "default", at(0), "steer_away", "thermal_drain", "o"))
    replay.feed(sample(1), NodeHint("i", "node-1", "default", at(1), "clear", "", ""), sample(2))
    told = [(state.routing_hint, state.routing_hint_source) for state in states(replay.said)]
    assert told == [("clear", ""), ("steer_away", "thermal_drain"), ("clear", "")]


def test_an_orderly_stop_closes_what_is_open_and_marks_the_last_pane() -> None:
    replay = Replay()
    replay.feed(*(sample(seq) for seq in range(12)))
    other = NodeStopped("node-1", "default", "boot-x", at(12), 3, "signal")
    assert panes(replay.feed(other)) == []
    closed = panes(replay.feed(NodeStopped("node-1", "default", "boot-a", at(12), 11, "signal")))
    assert [(pane.samples, pane.stopped) for pane in closed] == [(10, 0), (2, 1)]


def test_a_runtime_that_has_requests_and_does_nothing_is_stalled() -> None:
    replay = Replay()
    stuck = runtime(requests_running=2.0, generation_tokens=0.0, prompt_tokens=0.0)
    reads = runtime(requests_running=2.0, generation_tokens=0.0, prompt_tokens=900.0)
    for seq in range(13):
        replay.feed(sample(seq, runtimes=((stuck, reads, runtime(), ollama())[seq % 4],)))
    stalled = {one.runtime_id: one.stalled for one in panes(replay.said)[0].runtimes}
    assert stalled == {"ollama:11434": 0.0, "vllm:8000": 3.0}


def test_samples_without_a_newer_reading_are_as_stalled_as_the_others() -> None:
    replay = Replay()
    stuck = runtime(requests_running=2.0, generation_tokens=0.0, prompt_tokens=0.0)
    kept = runtime(requests_running=2.0, generation_tokens=NAN, prompt_tokens=NAN, interval_s=NAN)
    for seq in range(13):
        replay.feed(sample(seq, runtimes=((stuck, kept)[seq % 2],)))
    assert panes(replay.said)[0].runtimes[0].stalled == 10.0


def test_readings_that_were_set_aside_are_counted() -> None:
    replay = Replay()
    for seq in range(13):
        odd = (Suspect("gpu.GPU-1.temperature_c", 50.0 + seq, "frozen"),) if seq > 5 else ()
        replay.feed(sample(seq, suspects=odd))
    (pane,) = panes(replay.said)
    assert pane.suspects == (SuspectPane("gpu.GPU-1.temperature_c", "frozen", 59.0, 4.0),)


def test_a_node_that_is_gone_for_long_is_forgotten() -> None:
    replay = Replay()
    replay.feed(sample(0))
    for second in range(5, 45, 5):
        replay.feed(tick(second))
    gone = FORGET_US / 1e6
    replay.feed(tick(gone))
    assert "node-1" in replay.states
    replay.feed(tick(gone + 1))
    assert replay.states == {}


def test_clock_skew_is_the_least_delay_of_two_panes() -> None:
    replay = Replay()
    delays = [300_000 if seq == 5 else 900_000 for seq in range(24)]
    for seq, delay_us in enumerate(delays):
        replay.feed(arrived(sample(seq), delay_us - 2_000_000))
    by_seq = {state.seq: state.clock_skew_s for state in states(replay.said)}
    assert (by_seq[4], by_seq[5], by_seq[21]) == (1.1, 1.7, 1.7)
    assert by_seq[23] == 1.1


def test_a_serving_node_teaches_no_idle_power() -> None:
    replay = Replay()
    for seq in range(20):
        replay.feed(sample(seq, gpus=(gpu(),), runtimes=(serving(),)))
    assert replay.state().idle == ()
    for seq in range(20, 32):
        replay.feed(sample(seq, gpus=(gpu(power_w=71.0),), runtimes=(runtime(),)))
    (state,) = states(replay.feed(sample(32, gpus=(gpu(power_w=71.0), gpu("GPU-2")), runtimes=(runtime(),))))
    assert [one.idle_power_w for one in state.gpus] == [71.0, pytest.approx(NAN, nan_ok=True)]


def test_the_speed_of_a_runtime_holds_until_it_is_read_again() -> None:
    """Runtimes are read every two seconds: the sample between has requests in progress and no new counts."""
    replay = Replay()
    told: dict[str, Any] = {"requests_running": 2.0, "generation_tokens": 200.0, "interval_s": 2.0}
    between: dict[str, Any] = {
        "requests_running": 2.0,
        "generation_tokens": NAN,
        "interval_s": NAN,
        "prompt_tokens": NAN,
    }
    for seq in range(13):
        one = runtime(**(between if seq % 2 else told))
        other = runtime("llamacpp:8080", **(told if seq % 2 else between))
        replay.feed(sample(seq, gpus=(gpu(power_w=100.0),), runtimes=(one, other)))
    assert [state.tokens_per_second for state in states(replay.said)[4:]] == [200.0] * 9
    (pane,) = panes(replay.said)
    assert pane.tokens_per_second.n == 10
    assert {one.runtime_id: one.tokens_per_second.mean for one in pane.runtimes} == {
        "llamacpp:8080": 100.0,
        "vllm:8000": 100.0,
    }


def test_a_speed_does_not_outlive_the_requests_or_ten_seconds() -> None:
    told: dict[str, Any] = {"requests_running": 2.0, "generation_tokens": 100.0}
    silent: dict[str, Any] = {"generation_tokens": NAN, "interval_s": NAN, "prompt_tokens": NAN}
    replay = Replay()
    replay.feed(sample(0, runtimes=(runtime(**told),)))
    over = runtime(**silent, requests_running=0.0)
    assert math.isnan(states(replay.feed(sample(1, runtimes=(over,))))[-1].tokens_per_second)
    replay = Replay()
    replay.feed(sample(0, runtimes=(runtime(**told),)))
    waiting = runtime(**silent, requests_running=2.0)
    speeds = [states(replay.feed(sample(s, runtimes=(waiting,))))[-1].tokens_per_second for s in range(1, 13)]
    assert speeds[:10] == [100.0] * 10
    assert all(math.isnan(speed) for speed in speeds[10:])
