"""Which parts of a pane a pattern reads, so that a backtest of it fetches no others.

A pattern that is not listed here needs everything, which is always right. A test runs every pattern with the
parts that it is said not to need taken away.
"""

from collections.abc import Collection, Mapping
from typing import Final, Literal

PanePart = Literal["gpus", "runtimes", "models", "health", "suspects", "requests"]
EVERYTHING: Final[frozenset[PanePart]] = frozenset(
    ("gpus", "runtimes", "models", "health", "suspects", "requests")
)
# What the runtimes did together, ``Slot.work``, is of the runtimes and the models.
_WORK: Final[frozenset[PanePart]] = frozenset(("runtimes", "models"))
_GPUS: Final[frozenset[PanePart]] = frozenset(("gpus",))
_HEALTH: Final[frozenset[PanePart]] = frozenset(("gpus", "health"))
_NOTHING: Final[frozenset[PanePart]] = frozenset()
_OF: Final[Mapping[str, frozenset[PanePart]]] = {
    "abandonment": frozenset(("requests",)),
    "bandwidth_ceiling_reached": _GPUS | _WORK,
    "bandwidth_saturation": _GPUS | _WORK,
    "clock_drift": _GPUS,
    "clock_skew": _NOTHING,
    "ecc_errors": frozenset(("health",)),
    "efficiency_drag": _GPUS,
    "error_burst": frozenset(("requests",)),
    "frozen_sensor": frozenset(("suspects",)),
    "gpu_lost": _HEALTH,
    "hot_memory": _HEALTH,
    "idle_power_waste": _GPUS | {"models"},
    "kv_thrash": frozenset(("runtimes",)),
    "latency_spike": _WORK | {"requests"},
    "memory_trajectory": _GPUS,
    "nvidia_thermal_redline": _GPUS,
    "pcie_lane_degradation": _HEALTH,
    "phantom_load": _GPUS | {"models"},
    "power_cap_throttle": _GPUS,
    "power_jitter": _GPUS | _WORK,
    "spool_backlog": _NOTHING,
    "swap_io_pressure": _NOTHING,
    "thermal_drain": _GPUS | _WORK,
    "ttft_regression": _WORK | {"requests"},
    "vllm_kv_cache_saturation": frozenset(("runtimes",)),
    "vllm_queue_saturation": frozenset(("runtimes",)),
    "vram_overcommit": _GPUS | _WORK,
    "wes_velocity_drop": _WORK,
}


def needs(patterns: Collection[str]) -> frozenset[PanePart]:
    """Return the parts that any of the patterns reads."""
    return frozenset(part for pattern in patterns for part in _OF.get(pattern, EVERYTHING))
