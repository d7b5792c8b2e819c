"""Readings of the machine, each as often as its collector takes it."""

import math
import random

from producers.simulator.host import Host
from schemas.events.node_sample import HostSample, Known, SensorTemperature
from schemas.events.reading import NAN

# Seconds between readings of clock, temperatures and disk; of Apple's power; of the state of the clock.
_SLOW_S, _POWER_S, _SYNC_S = 2.0, 5.0, 5.0
_PAGE = 4096.0
_MOMENT_S = 0.01
# Degrees Celsius of an Apple chip from which macOS tells of thermal pressure.
_APPLE_LEVELS = ((103.0, "trapping"), (99.0, "heavy"), (94.0, "moderate"))


class HostReader:
    """Reads one machine for one run of an agent."""

    def __init__(self, host: Host, rng: random.Random, *, apple: bool) -> None:
        self._host = host
        self._rng = rng
        self._apple = apple
        self._slow_s = self._power_s = self._sync_s = -math.inf
        self._temperature_c = self._clock_ratio = self._offset_s = NAN
        self._disk = (0.0, 0.0)
        self._synchronized: Known = "unknown"
        self._apple_power = (NAN, NAN, NAN)
        self._drift_bytes = 0.0

    @property
    def gpu_power_w(self) -> float:
        """Watts of an Apple GPU, as powermetrics told last."""
        return self._apple_power[2]

    def read(self, now_s: float, *, synchronized: bool, chip_w: float, chip_c: float) -> HostSample:
        """Return the sample of this moment; ``chip_w`` and ``chip_c`` are of an Apple chip's GPU."""
        noise = self._rng.random
        self._refresh(now_s, synchronized=synchronized, chip_w=chip_w)
        host, apple = self._host, self._apple
        memory = host.memory
        self._drift_bytes += 2e7 * (noise() - 0.5) - 0.05 * self._drift_bytes
        used = _pages(memory.used + self._drift_bytes)
        busy = min(1.0, max(0.0, host.used + 0.008 * (noise() - 0.5)))
        pressure = memory.some + 0.0002 * noise() if memory.some > 0.0 else 0.0
        return HostSample(
            round(busy, 3),
            round(host.load, 2),
            memory.total,
            used,
            memory.total - used,
            _pages(memory.swapped),
            _pages(memory.in_bytes_per_s),
            _pages(memory.out_bytes_per_s),
            NAN if apple else round(host.waited, 4),
            round(min(1.0, used / memory.total), 4) if apple else round(min(0.99, pressure), 4),
            NAN if apple else round(memory.stall, 4),
            NAN if apple else round(min(0.99, 0.6 * memory.some + 0.004 * noise()), 4),
            host.disk_free_bytes,
            *self._disk,
            float(int(host.network_bytes_per_s * 0.4 + 3e4 * (0.5 + noise()))),
            float(int(host.network_bytes_per_s * 0.6 + 4e4 * (0.5 + noise()))),
            self._temperature_c,
            self._clock_ratio,
            self._apple_power[0] if apple else host.power_w * (1.0 + 0.02 * (noise() - 0.5)),
            self._apple_power[1],
            self._offset_s,
            now_s
            - min(self._sync_s if not apple else now_s, self._power_s if apple else now_s, self._slow_s),
            self._synchronized,
            _pressure(chip_c) if apple else "",
        )

    def temperatures(self) -> tuple[SensorTemperature, ...]:
        """Return every named temperature."""
        sensor = self._host.cpu.sensor
        if not sensor:
            return ()
        label = "Package id 0" if sensor == "coretemp" else "Tctl"
        disk_c = 34.85 + int(3.0 * self._rng.random())
        return (
            SensorTemperature(f"{sensor}/{label}", self._temperature_c),
            SensorTemperature("nvme/Composite", disk_c),
        )

    def _refresh(self, now_s: float, *, synchronized: bool, chip_w: float) -> None:
        host, noise = self._host, self._rng.random
        if now_s - self._slow_s >= _SLOW_S - _MOMENT_S:
            self._slow_s = now_s
            step = 1.0 if host.cpu.sensor == "coretemp" else 0.125
            if host.cpu.sensor:
                die_c = host.body.die_c + 1.5 * (noise() - 0.5)
                self._temperature_c = step * int(die_c / step)
                self._clock_ratio = min(1.0, host.clock_ratio * (1.0 + 0.03 * (noise() - 0.5)))
            read = host.read_bytes_per_s + host.foreign_disk_bytes_per_s
            read += host.memory.in_bytes_per_s
            written = 1.5e5 * noise() + host.memory.out_bytes_per_s + 0.3 * host.foreign_disk_bytes_per_s
            self._disk = (_pages(read + 2e4 * noise()), _pages(written))
            host.disk_free_bytes -= _pages(written * 0.02)
        if not self._apple and now_s - self._sync_s >= _SYNC_S - _MOMENT_S:
            self._sync_s = now_s
            self._synchronized = "yes" if synchronized else "no"
            self._offset_s = round(0.0008 * (noise() - 0.5), 9) if synchronized else NAN
        if self._apple and now_s - self._power_s >= _POWER_S - _MOMENT_S:
            self._power_s = now_s
            cpu_w = host.power_w * (1.0 + 0.03 * (noise() - 0.5))
            gpu_w = chip_w * (1.0 + 0.03 * (noise() - 0.5))
            self._apple_power = (round(cpu_w, 3), round(cpu_w + gpu_w, 3), round(gpu_w, 3))


def _pages(value: float) -> float:
    return _PAGE * int(value / _PAGE)


def _pressure(chip_c: float) -> str:
    return next((word for least_c, word in _APPLE_LEVELS if chip_c >= least_c), "nominal")
