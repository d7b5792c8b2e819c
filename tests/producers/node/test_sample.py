"""The sample is a pure function of the collectors' readings and the time."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.node import checks
from producers.node.progress import Reading, Status, View
from producers.node.sample import STALE_S, Head, assemble
from producers.node.slow import PERIOD_S, Slow, SlowParts
from producers.node.source import Facts, Xid
from schemas.codec.serde import decode_body, encode_body
from schemas.events.node_sample import AgentSample, GpuHealth, HostSample, NodeSample, SensorTemperature
from tests.samples import gpu, health, model, ollama

HEAD = Head("node-1", "default", "boot-a", 1_000_000, 7)
NOW = 1000.0


def view(
    facts: Facts, age_s: float = 0.0, name: str = "one", status: Status = "ok", period_s: float = 1.0
) -> View:
    return View(name, period_s, status, "", "", Reading(facts, NOW - age_s))


def made(*views: View, slow: Slow = Slow()) -> NodeSample:  # noqa: B008
    return assemble(HEAD, AgentSample(), views, slow, NOW)


def test_readings_of_all_collectors_meet_in_one_block_as_old_as_the_oldest() -> None:
    sample = made(
        view(Facts(host={"cpu_ratio": 0.5}), 0.2),
        view(Facts(host={"disk_free_bytes": 9.0, "clock_synchronized": "yes"}), 1.5),
        View("rapl", 1.0, "absent", "", "", None),
    )
    assert (sample.host.cpu_ratio, sample.host.disk_free_bytes) == (0.5, 9.0)
    assert (sample.host.clock_synchronized, sample.host.age_s) == ("yes", 1.5)
    assert math.isnan(sample.host.cpu_power_w)


def test_no_readings_at_all_are_a_sample_too() -> None:
    sample = made(View("cpu", 1.0, "starting", "", "", None))
    assert math.isnan(sample.host.age_s)
    assert encode_body(decode_body("node_sample", encode_body(sample))) == encode_body(sample)


def test_a_reading_that_is_too_old_says_nothing_of_now() -> None:
    facts = Facts(host={"cpu_ratio": 0.5}, gpus=(gpu(age_s=0.0),), runtimes=(ollama(age_s=0.0),))
    fresh, old = made(view(facts, STALE_S - 0.1)), made(view(facts, STALE_S + 0.1))
    assert (fresh.host.cpu_ratio, fresh.gpus[0].power_w) == (0.5, 70.0)
    assert math.isnan(old.host.cpu_ratio)
    assert old.gpus[0].status == "error"
    assert old.gpus[0].age_s == pytest.approx(STALE_S + 0.1)
    assert math.isnan(old.gpus[0].power_w)
    assert (old.runtimes[0].status, old.runtimes[0].models) == ("error", ())
    seldom = made(view(facts, STALE_S + 0.1, period_s=30.0))
    assert seldom.host.cpu_ratio == 0.5


def test_ages_within_a_reading_grow_with_it() -> None:
    runtime = ollama(age_s=0.0, last_activity_age_s=4.0, models=(model(expires_in_s=100.0),))
    (found,) = made(view(Facts(runtimes=(runtime,)), 1.5)).runtimes
    assert (found.age_s, found.last_activity_age_s, found.models[0].expires_in_s) == (1.5, 5.5, 98.5)


@pytest.mark.parametrize(
    ("change", "reading", "why"),
    [
        ({"power_w": -1.0}, "gpu.GPU-00000001.power_w", "negative"),
        ({"power_w": 4_294_967.0}, "gpu.GPU-00000001.power_w", "over_rating"),
        ({"memory_used_bytes": 90e9}, "gpu.GPU-00000001.memory_used_bytes", "over_rating"),
        ({"utilization_ratio": 2.55}, "gpu.GPU-00000001.utilization_ratio", "over_rating"),
        ({"temperature_c": 511.0}, "gpu.GPU-00000001.temperature_c", "over_rating"),
        ({"energy_j": float("inf")}, "gpu.GPU-00000001.energy_j", "over_rating"),
        ({"age_s": float("inf")}, "gpu.GPU-00000001.age_s", "over_rating"),
        ({"sm_clock_mhz": 9e5, "sm_clock_max_mhz": 1980.0}, "gpu.GPU-00000001.sm_clock_mhz", "over_rating"),
        ({"power_w": 30_000.0, "power_limit_w": math.nan}, "gpu.GPU-00000001.power_w", "over_rating"),
    ],
)
def test_what_cannot_be_true_is_kept_apart(change: dict[str, float], reading: str, why: str) -> None:
    sample = made(view(Facts(gpus=(gpu(age_s=0.0)._replace(**change),))))  # type: ignore[arg-type]
    (suspect,) = sample.suspects
    assert (suspect.reading, suspect.value, suspect.why) == (reading, next(iter(change.values())), why)
    assert math.isnan(getattr(sample.gpus[0], reading.rpartition(".")[2]))
    assert sample.gpus[0].temperature_slowdown_c == 93.0, "the others stay"


def test_what_may_be_negative_is_no_suspect() -> None:
    cold = {"cpu_temperature_c": -5.0, "clock_offset_s": -0.2, "cpu_ratio": 1.0004}
    assert made(view(Facts(host=cold, gpus=(gpu(age_s=0.0, throttle_reasons=-1),)))).suspects == ()


def test_negative_host_and_runtime_readings() -> None:
    sample = made(
        view(Facts(host={"network_receive_bytes_per_s": -4.0}, runtimes=(ollama(requests_running=-1.0),)))
    )
    assert [suspect.reading for suspect in sample.suspects] == [
        "host.network_receive_bytes_per_s",
        "runtime.ollama:11434.requests_running",
    ]


@pytest.mark.parametrize("unrated", [0.0, math.nan])
def test_an_unknown_rating_judges_nothing(unrated: float) -> None:
    known = gpu(age_s=0.0, power_limit_w=unrated, memory_total_bytes=unrated, sm_clock_max_mhz=unrated)
    assert made(view(Facts(gpus=(known,)))).suspects == ()


def test_more_memory_in_use_than_there_is() -> None:
    wrong = {"memory_total_bytes": 64e9, "memory_available_bytes": 128e9, "cpu_power_w": 2e6}
    sample = made(view(Facts(host=wrong)))
    assert [suspect.reading for suspect in sample.suspects] == [
        "host.memory_available_bytes",
        "host.cpu_power_w",
    ]


def test_models_health_and_temperatures_are_held_to_the_same() -> None:
    served = ollama(models=(model(vram_bytes=-1.0), model("b", expires_in_s=-5.0)))
    slow = Slow(
        (health("GPU-1", pcie_width=255.0, pcie_replays_total=-1.0),),
        (SensorTemperature("nvme/0", -273.0), SensorTemperature("k10temp/Tctl", 61.0)),
    )
    sample = made(view(Facts(runtimes=(served,))), slow=slow)
    assert [suspect.reading for suspect in sample.suspects] == [
        "runtime.ollama:11434.llama3.1:8b.vram_bytes",
        "gpu.GPU-1.pcie_width",
        "gpu.GPU-1.pcie_replays_total",
        "temperature.nvme/0.temperature_c",
    ]
    assert math.isnan(sample.runtimes[0].models[0].vram_bytes)
    assert sample.runtimes[0].models[1].expires_in_s == -5.0
    assert math.isnan(sample.gpu_health[0].pcie_width)
    assert sample.temperatures[1].temperature_c == 61.0


@given(st.dictionaries(st.sampled_from(HostSample._fields[:23]), st.floats()))
def test_no_reading_of_any_value_breaks_the_sample(readings: dict[str, float]) -> None:
    readings.pop("age_s", None)
    cleaned, suspects = checks.host(HostSample(**readings, age_s=1.0))  # type: ignore[arg-type]
    kept = {name: getattr(cleaned, name) for name in readings}
    assert all(math.isnan(value) or not math.isinf(value) for value in kept.values())
    assert len(suspects) == sum(
        math.isnan(kept[name]) and not math.isnan(value) for name, value in readings.items()
    )


def test_slow_parts_come_every_ten_seconds_and_on_change() -> None:
    slow = SlowParts()
    assert [second for second in range(40) if slow.due(NOW + second)] == [0, 10, 20, 30]
    assert PERIOD_S == 10


def test_collectors_are_reported_when_their_status_changes() -> None:
    slow = SlowParts()
    assert slow.changed([view(Facts(), name="nvml")]) == ("nvml",)
    assert slow.changed([view(Facts(), name="nvml")]) == ()
    assert slow.changed([view(Facts(), name="nvml", status="timeout")]) == ("nvml",)


def gpu_facts(*found: GpuHealth, xids: tuple[Xid, ...] = ()) -> list[View]:
    return [view(Facts(gpu_health=found, xids=xids), 0.5)]


def test_gpu_health_comes_when_it_has_news() -> None:
    slow = SlowParts()
    before = health("GPU-1", pcie_width=16.0, pcie_generation=5.0, age_s=1.0)
    (first,) = slow.gpu_health(gpu_facts(before), NOW)
    assert first.age_s == 1.5
    assert slow.gpu_health(gpu_facts(before._replace(pcie_generation=1.0)), NOW) == ()
    (narrow,) = slow.gpu_health(gpu_facts(before._replace(pcie_width=8.0)), NOW)
    assert narrow.pcie_width == 8.0
    assert slow.gpu_health(gpu_facts(before._replace(pcie_width=8.0)), NOW) == ()


def test_gpu_health_comes_each_time_it_was_read_anew() -> None:
    slow = SlowParts()
    sent = []
    for second in range(40):
        age_s = second % 10  # read every ten seconds
        views = [
            View(
                "one",
                1.0,
                "ok",
                "",
                "",
                Reading(Facts(gpu_health=(health("GPU-1", age_s=age_s),)), NOW + second),
            )
        ]
        sent += [second for _ in slow.gpu_health(views, NOW + second)]
    assert sent == [0, 10, 20, 30]


def test_gpu_health_that_is_not_renewed_comes_again_with_its_age() -> None:
    slow = SlowParts()
    stuck = gpu_facts(health("GPU-1", age_s=0.0))
    sent = [one for second in range(40) for one in slow.gpu_health(stuck, NOW + second)]
    assert [one.age_s for one in sent] == [0.5, 15.5, 30.5]


def test_an_xid_is_reported_once_and_at_once() -> None:
    slow = SlowParts()
    known = health("GPU-1", pcie_width=16.0)
    slow.gpu_health(gpu_facts(known), NOW)
    xids = (Xid(1, "GPU-1", 79), Xid(2, "GPU-2", 31))
    found = slow.gpu_health(gpu_facts(known, xids=xids), NOW)
    assert {each.gpu_id: each.xids for each in found} == {"GPU-1": (79,), "GPU-2": (31,)}
    assert slow.gpu_health(gpu_facts(known, xids=xids), NOW) == ()
