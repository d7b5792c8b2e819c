"""The machine around the accelerators of a simulated node: processor, memory, disk, network."""

import random

from producers.simulator.hardware.cpus import Cpu
from producers.simulator.physics.memory import Memory
from producers.simulator.physics.thermal import SERVER_FANS, Body, cooling

_BASE_SHARE = 0.012
_BASE_CORES = 0.35
_LOAD_S = 60.0
_POWER_EXPONENT = 0.8
_DOWN_PER_K_S = 0.02
_UP_PER_S = 0.02
_HYSTERESIS_C = 2.0
_FLOOR = 0.3
# Above this use, tasks wait for a processor.
_CROWDED = 0.7
_BASE_MEMORY_BYTES = 3.5e9
_BASE_MEMORY_SHARE = 0.015


class Host:
    """State of the machine. Faults set ``foreign_cpu``, ``foreign_disk_bytes_per_s`` and the body's air."""

    __slots__ = (
        "body", "cpu", "disk_free_bytes", "foreign_cpu", "foreign_disk_bytes_per_s", "load", "memory",
        "network_bytes_per_s", "power_w", "read_bytes_per_s", "thermal", "used",
    )  # fmt: skip

    def __init__(
        self, cpu: Cpu, memory_bytes: float, swap_bytes: float, air_c: float, rng: random.Random
    ) -> None:
        self.cpu = cpu
        cooler = cooling(full_c=cpu.full_c, full_w=cpu.limit_w, memory_rise_c=0.0, fans=SERVER_FANS)
        self.body = Body(cooler, air_c)
        self.body.settle(cpu.idle_w, 0.0, air_c)
        base = _BASE_MEMORY_BYTES + _BASE_MEMORY_SHARE * memory_bytes
        self.memory = Memory(memory_bytes, swap_bytes, base)
        self.disk_free_bytes = float(int(2e11 + 1.5e12 * rng.random()) & ~4095)
        self.foreign_cpu = self.foreign_disk_bytes_per_s = 0.0
        self.network_bytes_per_s = self.read_bytes_per_s = 0.0
        self.used, self.load, self.power_w, self.thermal = _BASE_SHARE, 0.1, cpu.idle_w, 1.0

    @property
    def pace(self) -> float:
        """Speed of work on the processor: 1 at its full clock and alone."""
        return self.thermal * (1.0 - self.foreign_cpu) * (1.0 - self.memory.stall)

    def step(self, kernels: float, cores: float, air_c: float, dt_s: float) -> None:
        """Let time pass; ``kernels`` is the share of all cores that computes, ``cores`` are busy besides."""
        cpu, body = self.cpu, self.body
        used = _BASE_SHARE + (_BASE_CORES + cores) / cpu.threads + kernels * cpu.cores / cpu.threads
        used = min(1.0, used + self.foreign_cpu)
        self.used = used
        self.load += (used * cpu.threads - self.load) * min(1.0, dt_s / _LOAD_S)
        # A second thread of a core adds little power.
        effort = min(1.0, used * cpu.threads / cpu.cores * 0.8)
        self.power_w = cpu.idle_w + (cpu.limit_w - cpu.idle_w) * effort**_POWER_EXPONENT * self.thermal**2
        body.heat(self.power_w, 0.0, air_c, dt_s)
        if body.die_c > cpu.slowdown_c:
            self.thermal = max(_FLOOR, self.thermal - _DOWN_PER_K_S * (body.die_c - cpu.slowdown_c) * dt_s)
        elif self.thermal < 1.0 and body.die_c < cpu.slowdown_c - _HYSTERESIS_C:
            self.thermal = min(1.0, self.thermal + _UP_PER_S * dt_s)
        self.memory.step(dt_s)

    @property
    def clock_ratio(self) -> float:
        """Mean clock against the highest: governors let idle cores rest."""
        return (0.48 + 0.47 * min(1.0, 2.5 * self.used)) * self.thermal

    @property
    def waited(self) -> float:
        """Share of time in which some task waited for a processor."""
        return max(0.0, (self.used - _CROWDED) / (1.0 - _CROWDED)) * 0.6
