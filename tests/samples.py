"""Builders of plausible events: a test names only what it is about."""

from typing import Any

from schemas.events.clock_tick import ClockTick
from schemas.events.node_sample import (
    AgentSample,
    GpuHealth,
    GpuSample,
    HostSample,
    LoadedModel,
    NodeSample,
    RuntimeSample,
)

SECOND = 1_000_000
# A pane starts here: divisible by ten seconds.
T0 = 1_763_700_000 * SECOND


def at(seconds: float) -> int:
    """Return µs since the epoch, so many seconds after ``T0``."""
    return T0 + round(seconds * SECOND)


def gpu(gpu_id: str = "GPU-00000001", **readings: Any) -> GpuSample:
    usual: dict[str, Any] = {
        "utilization_ratio": 0.0,
        "memory_used_bytes": 40e9,
        "memory_total_bytes": 80e9,
        "temperature_c": 50.0,
        "temperature_slowdown_c": 93.0,
        "power_w": 70.0,
        "power_limit_w": 700.0,
        "age_s": 0.1,
        "throttle_reasons": 0,
    }
    return GpuSample(gpu_id, readings.pop("status", "ok"), **{**usual, **readings})


def model(name: str = "llama3.1:8b", **readings: Any) -> LoadedModel:
    return LoadedModel(name, **{"vram_bytes": 6e9, "context_length": 8192.0, **readings})


def runtime(runtime_id: str = "vllm:8000", **readings: Any) -> RuntimeSample:
    usual: dict[str, Any] = {
        "requests_running": 0.0,
        "requests_waiting": 0.0,
        "interval_s": 1.0,
        "prompt_tokens": 0.0,
        "generation_tokens": 0.0,
        "age_s": 0.1,
    }
    kind, status = readings.pop("kind", runtime_id.split(":")[0]), readings.pop("status", "up")
    models = readings.pop("models", (model(),))
    return RuntimeSample(runtime_id, kind, status, **{**usual, **readings}, models=models)


def ollama(**readings: Any) -> RuntimeSample:
    """A runtime that counts nothing."""
    nan = float("nan")
    mute = dict.fromkeys(
        ("requests_running", "requests_waiting", "interval_s", "prompt_tokens", "generation_tokens"), nan
    )
    return runtime("ollama:11434", **{**mute, **readings})


def serving(tokens: float = 100.0, **readings: Any) -> RuntimeSample:
    return runtime(**{"requests_running": 2.0, "generation_tokens": tokens, **readings})


def host(**readings: Any) -> HostSample:
    usual = {"cpu_ratio": 0.2, "memory_total_bytes": 64e9, "memory_available_bytes": 32e9, "age_s": 0.1}
    return HostSample(**{**usual, **readings})


def health(gpu_id: str = "GPU-00000001", **readings: Any) -> GpuHealth:
    xids = readings.pop("xids", ())
    return GpuHealth(gpu_id, **readings, xids=xids, processes=())


def sample(seq: int = 0, **fields: Any) -> NodeSample:
    """Return the sample of second ``seq``, unless told otherwise."""
    usual: dict[str, Any] = {
        "node_id": "node-1",
        "fleet": "default",
        "boot_id": "boot-a",
        "occurred_at": at(seq),
        "spooled": False,
        "agent": AgentSample(
            monotonic_s=float(seq),
            cpu_ratio=0.005,
            rss_bytes=5e7,
            lateness_s=0.001,
            missed_total=0.0,
            spool_records=0.0,
            spool_bytes=0.0,
            spool_dropped_total=0.0,
        ),
        "host": host(),
        "gpus": (),
        "runtimes": (),
        "gpu_health": (),
        "temperatures": (),
        "collectors": (),
        "suspects": (),
    }
    return NodeSample(seq=seq, **{**usual, **fields})


def tick(seconds: float, interval_s: float = 5.0) -> ClockTick:
    return ClockTick(at(seconds), "clock-a", int(seconds / interval_s), interval_s)
