"""CPU clock against its maximum: psutil ``cpu_freq``, the mean over CPUs."""

import psutil

from producers.node.source import Blocking, Facts, SensorAbsent


def read() -> Facts:
    """Return the ratio.

    Raises:
        SensorAbsent: the kernel tells no maximum, as in most virtual machines.
    """
    clock = psutil.cpu_freq()
    if clock is None or not clock.max > 0:
        raise SensorAbsent("the kernel tells no maximum clock of the CPUs; usual in a virtual machine")
    return Facts(host={"cpu_clock_ratio": clock.current / clock.max})


def source() -> Blocking:
    """Read every two seconds: on many CPUs it is hundreds of files."""
    return Blocking("cpu_clock", read, period_s=2.0)
