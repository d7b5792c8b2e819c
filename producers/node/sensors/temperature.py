"""Temperatures: every sensor psutil finds, and the hottest of the CPU's own."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import psutil

from producers.node.source import Blocking, Facts, SensorAbsent, SensorForbidden
from schemas.events.node_sample import SensorTemperature
from schemas.events.reading import NAN

# hwmon drivers of CPUs: Intel, AMD (kernel and out of tree), ARM boards.
CPU_CHIPS = ("coretemp", "k10temp", "zenpower", "cpu_thermal", "cpu-thermal", "soc_thermal")
_REMEDY = "let the agent's user read /sys/class/hwmon: a sandbox or a hardened kernel hides it"
# Sensors without a chip behind them say 0 or a rail of their converter.
_PLAUSIBLE_C = (-40.0, 150.0)


class Sensor(Protocol):
    """One of psutil's readings."""

    @property
    def label(self) -> str: ...  # noqa: D102 - as psutil documents it

    @property
    def current(self) -> float: ...  # noqa: D102 - degrees Celsius


def summarize(found: Mapping[str, Sequence[Sensor]]) -> Facts:
    """Return named temperatures, in order, and the CPU's hottest."""
    named = []
    cpu = NAN
    for chip, sensors in sorted(found.items()):
        for index, sensor in enumerate(sensors):
            celsius = float(sensor.current)
            if not _PLAUSIBLE_C[0] < celsius < _PLAUSIBLE_C[1]:
                continue
            named.append(SensorTemperature(f"{chip}/{sensor.label or index}", celsius))
            if chip in CPU_CHIPS and not celsius <= cpu:
                cpu = celsius
    return Facts(host={"cpu_temperature_c": cpu}, temperatures=tuple(named))


def read() -> Facts:
    """Return the temperatures.

    Raises:
        SensorAbsent: this machine shows none.
        SensorForbidden: this user may not read them.
    """
    reader = getattr(psutil, "sensors_temperatures", None)
    try:
        found = reader() if reader else {}
    except PermissionError as exc:
        raise SensorForbidden("the sensors in /sys/class/hwmon may not be read", _REMEDY) from exc
    if not found:
        raise SensorAbsent("no temperature sensor is shown to this machine; usual in a virtual machine")
    return summarize(found)


def source() -> Blocking:
    """Read every two seconds: some chips take tens of milliseconds to answer."""
    return Blocking("temperature", read, period_s=2.0)
