"""The tables of panes as the windows of patterns want them: which expressions make which fields.

Each part of a pane is read as rows of one length: whole numbers, then doubles. Texts, which hardly change,
come once, under a hash that stands for them. NULL is NaN again, and shares are of the samples, computed as
``processors/windows/slot.py`` computes them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from processors.windows.slot import GpuSlot, HealthSlot, ModelSlot, RuntimeSlot

# Hash of the texts, partition, offset: they stand first in every row.
HEAD: Final = 3
_STATISTIC: Final = ("n", "mean", "m2", "min", "max", "first", "last")
# No samples: a share of nothing is not known.
_N = "if(ifNull(samples, 0) = 0, nan, ifNull(samples, nan))"


@dataclass(frozen=True, slots=True)
class Table:
    """One table. ``texts`` are expressions of String, ``numbers`` of Float64; ``only`` narrows the rows."""

    name: str
    texts: Sequence[str]
    numbers: Sequence[str]
    only: str = "1"
    whole: Sequence[str] = ()

    @property
    def key(self) -> str:
        """Expression of the hash that stands for the texts."""
        return f"reinterpretAsInt64(cityHash64({', '.join(self.texts)}))"


def _known(*names: str) -> list[str]:
    return [f"ifNull({name}, nan)" for name in names]


def _shares(*names: str) -> list[str]:
    return [f"ifNull({name}, nan) / {_N}" for name in names]


def _statistic(name: str) -> list[str]:
    return [f"{name}.n", *_known(*(f"{name}.{part}" for part in _STATISTIC[1:]))]


GPUS: Final = Table(
    "gpu_panes",
    ("gpu_id", "name", "vendor"),
    (
        *_known("samples"),
        *_shares("lost", "active", "throttled_power", "throttled_thermal", "throttled_hardware"),
        f"1.0 - ifNull(thermal_unknown, nan) / {_N}",
        *_shares("thermal_fair", "thermal_serious", "thermal_critical"),
        *_known(
            "utilization_ratio.mean",
            "memory_utilization_ratio.mean",
            "memory_used_bytes.last",
            "memory_total_bytes",
            "temperature_c.mean",
            "temperature_c.max",
            "temperature_c.min",
            "temperature_slowdown_c",
            "memory_temperature_c.mean",
            "memory_temperature_c.max",
            "power_w.mean",
            "power_w.max",
            "power_limit_w",
            "power_limit_default_w",
            "idle_power_w",
            "energy_j.first",
            "energy_j.last",
            "sm_clock_mhz.mean",
            "sm_clock_max_mhz",
            "fan_ratio.mean",
        ),
    ),
    "mig_parent = ''",
)
RUNTIMES: Final = Table(
    "runtime_panes",
    ("runtime_id", "kind", "arrayStringConcat(models, '\\x1f')"),
    (
        *_known("samples"),
        *_shares("up", "stalled"),
        *_known("requests_running.mean", "requests_running.min", "requests_running.max"),
        *_known("requests_waiting.mean", "requests_waiting.max", "requests_waiting.last"),
        *_known("kv_cache_ratio.mean", "kv_cache_ratio.max", "tokens_per_second.mean"),
        *_known(*RuntimeSlot._fields[14:28]),
    ),
)
MODELS: Final = Table(
    "model_panes",
    ("name", "runtime_id", "quantization"),
    _known("tokens_per_second.mean", "wes.mean", *ModelSlot._fields[5:]),
)
HEALTH: Final = Table(
    "gpu_health_panes",
    ("gpu_id", "arrayStringConcat(arrayMap(x -> toString(x), xids), ' ')"),
    _known(*HealthSlot._fields[1:-1]),
)
SUSPECTS: Final = Table("suspect_panes", ("reading", "why"), _known("value", "samples"))
NODES: Final = Table(
    "node_panes",
    ("fleet", "node_id", "boot_id", "agent_version", "cpu_model", "driver_version", "tags['rack']"),
    (
        *_known("samples", "expected"),
        *_shares("inference_live"),
        f"(ifNull(inference_idle, nan) + ifNull(inference_idle_spd, nan)) / {_N}",
        *_shares("inference_busy"),
        f"1.0 - ifNull(thermal_unknown, nan) / {_N}",
        *_shares("thermal_fair"),
        f"(ifNull(thermal_serious, nan) + ifNull(thermal_critical, nan)) / {_N}",
        *_shares("thermal_critical"),
        *_statistic("tokens_per_second"),
        *_statistic("power_w"),
        *_statistic("wes"),
        *_known("thermal_penalty.mean", "clock_skew_s", "spool_records", "spool_dropped_total"),
        *_known("delay_max_s", "late", "duplicates"),
        *_known(
            "cpu_ratio.mean",
            "load_1m.mean",
            "memory_used_bytes.mean",
            "memory_available_bytes.mean",
            "swap_used_bytes.mean",
            "swap_out_bytes_per_s.mean",
            "memory_pressure_ratio.mean",
            "io_pressure_ratio.mean",
            "disk_free_bytes.mean",
            "cpu_temperature_c.mean",
            "cpu_clock_ratio.mean",
            "cpu_power_w.mean",
            "soc_power_w.mean",
            "clock_offset_s.last",
        ),
        *_known("stopped"),
    ),
    whole=(
        "toUnixTimestamp64Micro(arrived_at)",
        "toUnixTimestamp64Micro(started_at)",
        "toUnixTimestamp64Micro(occurred_at)",
        "toUnixTimestamp64Micro(last_arrived_at)",
    ),
)
PARTS: Final = {"gpus": GPUS, "runtimes": RUNTIMES, "models": MODELS, "health": HEALTH, "suspects": SUSPECTS}
assert len(GPUS.numbers) == len(GpuSlot._fields) - 4
