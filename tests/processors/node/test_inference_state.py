import pytest

from processors.node import inference_state
from schemas.events.node_sample import GpuSample, RuntimeSample
from tests import samples
from tests.samples import gpu, host, model, ollama, runtime, serving

NAN = float("nan")


def judge(*runtimes: RuntimeSample, gpus: tuple[GpuSample, ...] = (), idle_w: float = NAN) -> tuple[str, str]:
    sample = samples.sample(runtimes=runtimes, gpus=gpus)
    return inference_state.judge(sample, [idle_w] * len(gpus))


@pytest.mark.parametrize(
    ("reading", "expected"),
    [
        (serving(), ("live", "requests_running")),
        (runtime(requests_running=1.0, probes_running=1.0), ("idle", "none")),
        (runtime(requests_running=2.0, probes_running=1.0), ("live", "requests_running")),
        (runtime(generation_tokens=5.0), ("live", "tokens")),
        (runtime(prompt_tokens=5.0), ("live", "tokens")),
        (runtime(generation_tokens=20.0, probe_age_s=0.5), ("idle_spd", "probe")),
        (runtime(generation_tokens=20.0, probe_age_s=29.0), ("live", "tokens")),
        (ollama(last_activity_age_s=14.9), ("live", "user_request")),
        (ollama(last_activity_age_s=15.0), ("idle", "none")),
        (runtime(probe_age_s=29.9), ("idle_spd", "probe")),
        (runtime(probe_age_s=30.0), ("idle", "none")),
        (runtime(probe_age_s=3.0, models=()), ("idle", "none")),
        (serving(status="down"), ("idle", "none")),
        (serving(age_s=15.1), ("idle", "none")),
        (serving(age_s=15.0), ("live", "requests_running")),
    ],
)
def test_by_runtime(reading: RuntimeSample, expected: tuple[str, str]) -> None:
    assert judge(reading) == expected


@pytest.mark.parametrize(
    ("ratio", "reading", "expected"),
    [
        (0.31, ollama(), "live"),
        (0.30, ollama(), "busy"),
        (0.20, ollama(), "idle"),
        (0.31, ollama(probe_age_s=5.0), "idle_spd"),
        (0.76, ollama(probe_age_s=5.0), "live"),
        (0.99, ollama(probes_running=1.0), "busy"),
        (0.99, ollama(models=()), "busy"),
        # A runtime that counts, and counts none, says that it is not its doing.
        (0.99, runtime(), "busy"),
        (0.21, runtime(), "busy"),
    ],
)
def test_by_accelerator(ratio: float, reading: RuntimeSample, expected: str) -> None:
    assert judge(reading, gpus=(gpu(), gpu("GPU-2", utilization_ratio=ratio)))[0] == expected


def test_an_idle_h100_is_not_live_for_drawing_ninety_watts() -> None:
    assert judge(ollama(), gpus=(gpu(power_w=90.0),), idle_w=90.0) == ("idle", "none")
    assert judge(ollama(), gpus=(gpu(power_w=90.0),), idle_w=NAN) == ("idle", "none")


def test_power_decides_where_utilization_is_not_told() -> None:
    quiet, loud = gpu(utilization_ratio=NAN, power_w=105.0), gpu(utilization_ratio=NAN, power_w=107.0)
    # 70 W learned: above is more than 70 x 1.3 + 15 = 106 W
    assert judge(ollama(), gpus=(quiet,), idle_w=70.0)[0] == "idle"
    assert judge(ollama(), gpus=(loud,), idle_w=70.0)[0] == "live"
    assert judge(ollama(), gpus=(loud,), idle_w=NAN)[0] == "idle"


def test_a_lost_or_stale_accelerator_says_nothing() -> None:
    assert judge(gpus=(gpu(utilization_ratio=0.9, status="lost"),))[0] == "idle"
    assert judge(gpus=(gpu(utilization_ratio=0.9, age_s=16.0),))[0] == "idle"


def test_without_any_reading_it_is_unknown() -> None:
    blind = samples.sample(host=host(cpu_ratio=NAN))
    assert inference_state.judge(blind, []) == ("unknown", "no_reading")
    stale = samples.sample(host=host(age_s=20.0))
    assert inference_state.judge(stale, [])[0] == "unknown"


def test_every_runtime_counts_not_the_first() -> None:
    assert judge(runtime("vllm:8000"), serving(runtime_id="llamacpp:8080"))[0] == "live"
    assert judge(runtime(models=(model(), model("b"))), ollama(last_activity_age_s=1.0))[0] == "live"
