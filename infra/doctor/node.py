"""What the agent measures on this machine, what it does not, and why: as its collectors say themselves."""

import asyncio
import math
from collections.abc import Sequence
from typing import Any

from infra.doctor.finding import Finding, ok, warn
from schemas.events.node_registered import CollectorInventory, NodeRegistered
from schemas.events.node_sample import HostSample, NodeSample
from schemas.settings import Settings

# Which readings of the host a collector brings; those it does not bring here are named.
_HOST: dict[str, tuple[str, ...]] = {
    "cpu": ("cpu_ratio", "load_1m"),
    "cpu_clock": ("cpu_clock_ratio",),
    "memory": ("memory_total_bytes", "memory_available_bytes", "swap_used_bytes", "swap_out_bytes_per_s"),
    "pressure": ("cpu_pressure_ratio", "memory_pressure_ratio", "memory_stall_ratio", "io_pressure_ratio"),
    "disk": ("disk_free_bytes", "disk_read_bytes_per_s", "disk_write_bytes_per_s"),
    "network": ("network_receive_bytes_per_s", "network_transmit_bytes_per_s"),
    "temperature": ("cpu_temperature_c",),
    "rapl": ("cpu_power_w",),
    "apple_memory": ("memory_pressure_ratio", "swap_out_bytes_per_s", "thermal_pressure"),
    "powermetrics": ("cpu_power_w", "soc_power_w"),
    "clock_sync": ("clock_synchronized", "clock_offset_s"),
}
_IDENTITY = frozenset({"gpu_id", "status", "age_s"})


def checks(settings: Settings) -> Sequence[Finding]:
    """Take one sample, about two seconds, and judge what is in it; ``warn``: something is not measured."""
    from producers.node.agent import take_once

    return judge(*asyncio.run(take_once(settings)))


def judge(registration: NodeRegistered, sample: NodeSample) -> Sequence[Finding]:
    """Return a finding for each collector, each GPU and each reading that cannot be true."""
    return (
        *(_collector(each, sample) for each in registration.collectors),
        *(_gpu(gpu, registration) for gpu in sample.gpus),
        *(_suspect(suspect.reading, suspect.value, suspect.why) for suspect in sample.suspects),
    )


def _collector(found: CollectorInventory, sample: NodeSample) -> Finding:
    if found.status == "absent":
        return ok(found.name, _text(f"not here: {found.reason}", found.remedy))
    if found.status != "ok":
        return warn(found.name, f"{found.status}: {found.reason}", found.remedy or "see the agent's log")
    names = _HOST.get(found.name, ())
    missing = [name for name in names if not _told(sample.host, name)]
    measured = [name for name in names if name not in missing]
    without = f"; no {', '.join(missing)}" if missing else ""
    return ok(found.name, (", ".join(measured) or "measured") + without)


def _gpu(gpu: Any, registration: NodeRegistered) -> Finding:  # noqa: ANN401 - a GpuSample
    names = {each.gpu_id: each.name for each in registration.gpus}
    label = f"{gpu.gpu_id} {names.get(gpu.gpu_id, '')}".strip()
    if gpu.status != "ok":
        return warn("gpu", f"{label}: {gpu.status}", "see nvidia-smi and the kernel's log")
    missing = [
        name
        for name, value in gpu._asdict().items()
        if name not in _IDENTITY and (math.isnan(value) or (name == "throttle_reasons" and value < 0))
    ]
    return ok("gpu", f"{label}: all readings" if not missing else f"{label}: no {', '.join(missing)}")


def _suspect(reading: str, value: float, why: str) -> Finding:
    return warn("suspect", f"{reading} reads {value:g}: {why}", "it is kept apart; look at its sensor")


def _told(host: HostSample, name: str) -> bool:
    value = getattr(host, name)
    return not math.isnan(value) if isinstance(value, float) else value not in ("", "unknown")


def _text(*parts: str) -> str:
    return "; ".join(part for part in parts if part)
