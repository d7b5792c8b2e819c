"""Readings of accelerators, by NVML and Apple's commands: whole degrees and percents, milliwatts."""

import random

from producers.simulator.gpu import Gpu
from schemas.events.node_sample import GpuHealth, GpuProcess, GpuSample
from schemas.events.reading import NAN

# Boards measure their power with about this much noise.
_POWER_NOISE = 0.016
_CLOCK_STEP_MHZ = 15.0
# GeForce and workstation boards compute in this state.
_COMPUTE_STATE = 2.0
_APPLE_OTHERS_BYTES = 0.9e9
_PCIE_IDLE_BYTES, _PCIE_BUSY_BYTES = 1.2e5, 4e8
_NVLINK_ERRORS = 0.0


def nvidia(gpu: Gpu, rng: random.Random) -> GpuSample:
    """Return what NVML tells every second."""
    chip, governor, did, body = gpu.chip, gpu.governor, gpu.activity, gpu.body
    if gpu.lost:
        return GpuSample(gpu.gpu_id, "lost", age_s=0.0)
    noise = rng.random
    busy = did.busy + did.foreign
    if 0.0 < busy < 1.0:
        busy = min(1.0, busy + 0.02 * (noise() - 0.5))
    resting = governor.resting
    clock = governor.clock * chip.busy_clock_mhz
    return GpuSample(
        gpu.gpu_id,
        "ok",
        int(100.0 * busy + 0.5) * 0.01 if busy > 0.0 else 0.0,
        int(100.0 * min(1.0, did.traffic + 0.4 * did.foreign) + 0.5) * 0.01,
        NAN if chip.unified else float(int(gpu.memory_used_bytes) & ~0xFFFF),
        chip.memory_bytes,
        float(int(body.die_c + 0.5)),
        float(int(body.memory_c + 0.5)) if chip.memory_sensor else NAN,
        chip.slowdown_c,
        round(governor.power_w * (1.0 + _POWER_NOISE * (noise() - 0.5)), 3),
        governor.limit_w,
        round(gpu.energy_j, 3),
        chip.idle_clock_mhz if resting else _CLOCK_STEP_MHZ * int(clock / _CLOCK_STEP_MHZ + 0.5),
        chip.max_clock_mhz,
        int(100.0 * body.fan) * 0.01 if chip.fans else NAN,
        float(chip.idle_state) if resting else (_COMPUTE_STATE if chip.fans else 0.0),
        0.0,
        governor.reasons,
    )


def apple(gpu: Gpu, total_bytes: float, rng: random.Random, power_w: float) -> GpuSample:
    """Return what ioreg and powermetrics tell; ``power_w`` is of the GPU alone."""
    did = gpu.activity
    busy = min(1.0, did.busy + did.foreign)
    if 0.0 < busy < 1.0:
        busy = min(1.0, busy + 0.02 * rng.random())
    resting = gpu.governor.resting
    chip = gpu.chip
    return GpuSample(
        gpu.gpu_id,
        "ok",
        utilization_ratio=int(100.0 * busy + 0.5) / 100,
        memory_used_bytes=float(int(_APPLE_OTHERS_BYTES + gpu.held_bytes + gpu.foreign_bytes) & ~0x3FFF),
        memory_total_bytes=total_bytes,
        power_w=round(power_w, 3),
        sm_clock_mhz=chip.idle_clock_mhz if resting else round(gpu.governor.clock * chip.busy_clock_mhz),
        age_s=0.0,
    )


def health(gpu: Gpu, processes: tuple[GpuProcess, ...], rng: random.Random) -> GpuHealth:
    """Return the slow readings; the codes of XIDs are added where they are sent."""
    chip, governor = gpu.chip, gpu.governor
    resting = governor.resting
    lazy = resting and chip.idle_state > 0  # such boards let their link sleep too
    noise = 1.0 + 0.2 * (rng.random() - 0.5)
    traffic = _PCIE_IDLE_BYTES + _PCIE_BUSY_BYTES * gpu.activity.busy
    retires = chip.ecc and not chip.memory_sensor
    ecc = (0.0, 0.0) if chip.ecc else (NAN, NAN)
    clock = chip.idle_clock_mhz if resting else governor.clock * chip.busy_clock_mhz
    return GpuHealth(
        gpu.gpu_id,
        _CLOCK_STEP_MHZ * int(clock / _CLOCK_STEP_MHZ + 0.5),
        chip.idle_memory_clock_mhz if resting else chip.memory_clock_mhz,
        1.0 if lazy else float(gpu.pcie_generation),
        float(gpu.slot_generation),
        float(gpu.pcie_width),
        float(gpu.slot_width),
        1000.0 * int(0.7e-3 * traffic * noise),
        1000.0 * int(0.3e-3 * traffic * noise),
        gpu.replays,
        ecc[0] + gpu.corrected,
        ecc[1] + gpu.uncorrected,
        ecc[0] + gpu.corrected,
        ecc[1] + gpu.uncorrected,
        NAN if retires or not chip.ecc else 0.0,
        NAN if retires or not chip.ecc else gpu.remapped,
        NAN if retires or not chip.ecc else float(gpu.remapped > 0.0),
        gpu.uncorrected if retires else NAN,
        float(chip.nvlinks) if chip.nvlinks else NAN,
        _NVLINK_ERRORS if chip.nvlinks else NAN,
        chip.limit_w,
        chip.limit_w,
        chip.shutdown_c,
        chip.memory_max_c,
        0.0,
        (),
        processes,
    )
