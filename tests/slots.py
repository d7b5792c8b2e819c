"""Builders of windows: a test of a pattern names only the readings it is about."""

from collections.abc import Callable, Sequence
from typing import Any

from processors.panes.statistics import EMPTY, fold
from processors.windows.requests import RequestSlot
from processors.windows.slot import GpuSlot, HealthSlot, ModelSlot, RuntimeSlot, Slot, SuspectSlot, work_of
from processors.windows.window import PANE_S, PANE_US, Window
from schemas.events.node_pane import Histogram, Statistic
from schemas.events.reading import NAN
from tests.samples import T0

MINUTE = 60


def statistic(value: float, *, spread: float = 0.0, n: int = 10) -> Statistic:
    """Readings around a value, half of them ``spread`` above and half below; nothing for NaN."""
    if value != value:
        return EMPTY
    return fold([value + (spread if index % 2 else -spread) for index in range(n)])


def gpu_slot(gpu_id: str = "GPU-00000001", **readings: Any) -> GpuSlot:
    """A healthy H100 at work."""
    usual: dict[str, Any] = dict.fromkeys(GpuSlot._fields, NAN) | {
        "name": "NVIDIA H100 80GB HBM3",
        "vendor": "nvidia",
        "whole": True,
        "samples": 10.0,
        "lost": 0.0,
        "active": 1.0,
        "throttled_power": 0.0,
        "throttled_thermal": 0.0,
        "throttled_hardware": 0.0,
        "thermal_known": 1.0,
        "thermal_fair": 0.0,
        "thermal_serious": 0.0,
        "thermal_critical": 0.0,
        "utilization_ratio": 0.9,
        "memory_utilization_ratio": 0.5,
        "memory_used_bytes": 60e9,
        "memory_total_bytes": 80e9,
        "temperature_c": 65.0,
        "temperature_max_c": 66.0,
        "temperature_min_c": 64.0,
        "temperature_slowdown_c": 87.0,
        "power_w": 550.0,
        "power_max_w": 600.0,
        "power_limit_w": 700.0,
        "power_limit_default_w": 700.0,
        "idle_power_w": 70.0,
        "sm_clock_mhz": 1900.0,
        "sm_clock_max_mhz": 1980.0,
    }
    return GpuSlot(**{**usual, "gpu_id": gpu_id, **readings})


def runtime_slot(runtime_id: str = "vllm:8000", **readings: Any) -> RuntimeSlot:
    """A vLLM server with four requests in progress."""
    usual: dict[str, Any] = dict.fromkeys(RuntimeSlot._fields, NAN) | {
        "kind": runtime_id.split(":")[0],
        "samples": 10.0,
        "up": 1.0,
        "stalled": 0.0,
        "requests_running": 4.0,
        "requests_running_min": 3.0,
        "requests_running_max": 5.0,
        "requests_waiting": 0.0,
        "requests_waiting_max": 0.0,
        "requests_waiting_last": 0.0,
        "kv_cache_ratio": 0.3,
        "kv_cache_ratio_max": 0.35,
        "tokens_per_second": 200.0,
        "slots": 64.0,
        "interval_s": 10.0,
        "prompt_tokens": 3000.0,
        "generation_tokens": 2000.0,
        "cached_prompt_tokens": 0.0,
        "requests_finished": 5.0,
        "requests_failed": 0.0,
        "preemptions": 0.0,
        "ttft_sum_s": 1.0,
        "ttft_count": 5.0,
        "e2e_sum_s": 30.0,
        "e2e_count": 5.0,
        "queue_sum_s": 0.1,
        "queue_count": 5.0,
        "models": ("llama-3.1-8b",),
    }
    return RuntimeSlot(**{**usual, "runtime_id": runtime_id, **readings})


def model_slot(name: str = "llama-3.1-8b", **readings: Any) -> ModelSlot:
    """An 8 B model in fp16 on vLLM."""
    usual: dict[str, Any] = dict.fromkeys(ModelSlot._fields, NAN) | {
        "runtime_id": "vllm:8000",
        "quantization": "fp16",
        "vram_bytes": 16e9,
        "parameters": 8.03e9,
        "context_length": 8192.0,
        "generation_tokens": 2000.0,
    }
    return ModelSlot(**{**usual, "name": name, **readings})


def health_slot(gpu_id: str = "GPU-00000001", **readings: Any) -> HealthSlot:
    """A healthy PCIe 5.0 x16 card without errors."""
    usual: dict[str, Any] = dict.fromkeys(HealthSlot._fields, NAN) | {
        "pcie_generation": 5.0,
        "pcie_generation_max": 5.0,
        "pcie_width": 16.0,
        "pcie_width_max": 16.0,
        "pcie_replays_total": 0.0,
        "ecc_corrected_volatile_total": 0.0,
        "ecc_uncorrected_volatile_total": 0.0,
        "remapped_rows_uncorrectable_total": 0.0,
        "remapped_rows_pending": 0.0,
        "retired_pages_total": 0.0,
        "xids": (),
    }
    return HealthSlot(**{**usual, "gpu_id": gpu_id, **readings})


def suspect_slot(reading: str, why: str = "frozen", value: float = 50.0, share: float = 1.0) -> SuspectSlot:
    return SuspectSlot(reading, why, value, share)


def slot(index: int = 0, **readings: Any) -> Slot:
    """The ``index``-th pane after T0 of a node that serves with one healthy GPU.

    ``tokens_per_second``, ``power_w`` and ``wes`` may be plain numbers.
    """
    usual: dict[str, Any] = dict.fromkeys(Slot._fields[:-1], NAN) | {
        "started_at": T0 + index * PANE_US,
        "boot_id": "boot-a",
        "agent_version": "0.1.0",
        "cpu_model": "EPYC",
        "samples": 10.0,
        "expected": 10.0,
        "live": 1.0,
        "idle": 0.0,
        "busy": 0.0,
        "thermal_known": 1.0,
        "fair": 0.0,
        "hot": 0.0,
        "critical": 0.0,
        "tokens_per_second": 200.0,
        "power_w": 550.0,
        "wes": 0.36,
        "thermal_penalty": 1.0,
        "clock_skew_s": 0.0,
        "spool_records": 0.0,
        "spool_dropped_total": 0.0,
        "delay_max_s": 0.05,
        "late": 0.0,
        "duplicates": 0.0,
        "cpu_ratio": 0.2,
        "memory_used_bytes": 20e9,
        "memory_available_bytes": 44e9,
        "swap_out_bytes_per_s": 0.0,
        "memory_pressure_ratio": 0.0,
        "gpus": (gpu_slot(),),
        "runtimes": (runtime_slot(),),
        "models": (model_slot(),),
        "health": (),
        "suspects": (),
    }
    values = {**usual, **readings}
    values.setdefault("work", work_of(values["runtimes"], values["models"]))
    for name in ("tokens_per_second", "power_w", "wes"):
        if isinstance(values[name], float | int):
            values[name] = statistic(float(values[name]))
    return Slot(**values)


def changed(one: Slot, **readings: Any) -> Slot:
    """The same pane with other readings; what runtimes did together follows from theirs."""
    other = one._replace(**readings)
    return other._replace(work=work_of(other.runtimes, other.models))


def request_slot(index: int = 0, **readings: Any) -> RequestSlot:
    """Requests of the ``index``-th pane after T0: one routed, one completed."""
    usual: dict[str, Any] = dict.fromkeys(RequestSlot._fields, 0.0) | {
        "started_at": T0 + index * PANE_US,
        "model": "llama-3.1-8b",
        "part": 0,
        "revision": 0,
        "routed": 1.0,
        "first_tokens": 1.0,
        "completed": 1.0,
        "finished": 1.0,
        "ttft": Histogram(0),
    }
    return RequestSlot(**{**usual, **readings})


def window(
    seconds: int,
    make: Callable[[int], Slot] | Sequence[Slot] = slot,
    requests: Sequence[RequestSlot] = (),
) -> Window:
    """A window of whole panes from T0 on: ``make`` gives the slot of an index, or all of them."""
    places = seconds // PANE_S
    slots = [make(index) for index in range(places)] if callable(make) else make
    return Window(slots, sorted(requests), T0 + places * PANE_US, seconds)
