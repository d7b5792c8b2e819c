"""Apple Silicon: the GPU by ioreg, memory by vm_stat, thermal pressure by notifyutil, power by powermetrics.

Written from the formats of these commands and tested on texts in them; not run on a Mac yet.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence

from producers.node.rate import Rates
from producers.node.sensors import apple_text
from producers.node.sensors.apple_text import Power
from producers.node.source import Blocking, Facts, SensorAbsent, SensorForbidden
from schemas.events.node_registered import GpuInventory
from schemas.events.node_sample import GpuSample
from schemas.events.reading import NAN

GPU_ID = "apple-gpu"
COMMAND_S = 2.0
# powermetrics looks for a second; the rest is its start.
POWER_PERIOD_S = 5.0
POWER_TIMEOUT_S = 8.0
IOREG = ("/usr/sbin/ioreg", "-a", "-r", "-d", "1", "-c", "IOAccelerator")
POWERMETRICS = ("/usr/bin/powermetrics", "-n", "1", "-i", "1000", "--samplers", "cpu_power,gpu_power")
_REMEDY = (
    "let the agent's user run it: a line in sudoers such as "
    "'_penstock ALL=(root) NOPASSWD: /usr/bin/powermetrics', or run the agent as root"
)
# Power that is older belongs to another second of the GPU.
_POWER_AGE_S = 3 * POWER_PERIOD_S

Run = Callable[[Sequence[str]], bytes]


def run(command: Sequence[str], timeout_s: float = COMMAND_S) -> bytes:
    """Return what a command prints.

    Raises:
        SensorAbsent: there is no such command.
        OSError: it failed; the text is the last line it wrote.
        TimeoutError: it did not end.
    """
    try:
        done = subprocess.run(
            command, capture_output=True, stdin=subprocess.DEVNULL, timeout=timeout_s, check=False
        )
    except FileNotFoundError as exc:
        raise SensorAbsent(f"{command[0]} is not installed") from exc
    except subprocess.TimeoutExpired as exc:
        raise TimeoutError from exc
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["no reason given"]
        raise OSError(f"{command[0]} ended with {done.returncode}: {said[-1]}")
    return done.stdout


class PowerMetrics:
    """Watts by powermetrics, which root alone may run: as root, else through sudo where that asks nothing."""

    def __init__(self, run: Run, *, root: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self._run = run
        self._command = POWERMETRICS if root else ("/usr/bin/sudo", "-n", *POWERMETRICS)
        self._clock = clock
        self._last: tuple[float, Power] | None = None

    def read(self) -> Facts:
        """Return the watts of CPU and chip; those of the GPU go with its other readings.

        Raises:
            SensorForbidden: sudo wants a password.
        """
        try:
            found = apple_text.power(self._run(self._command).decode("utf-8", "replace"))
        except OSError as exc:
            if "sudo" not in str(exc) and "superuser" not in str(exc):
                raise
            raise SensorForbidden("powermetrics may be run by root alone", _REMEDY) from exc
        self._last = self._clock(), found
        return Facts(host={"cpu_power_w": found.cpu_w, "soc_power_w": found.soc_w})

    def latest(self) -> Power:
        """Return the last watts, unless they are too old."""
        if self._last is None or self._clock() - self._last[0] > _POWER_AGE_S:
            return Power(NAN, NAN, NAN, NAN)
        return self._last[1]


class Apple:
    """The GPU of the chip, every two seconds."""

    def __init__(self, run: Run, power: Callable[[], Power]) -> None:
        self._run = run
        self._power = power
        self._total_bytes = NAN

    def read(self) -> Facts:
        """Return the GPU.

        Raises:
            SensorAbsent: the machine shows no GPU to ioreg.
        """
        found = apple_text.accelerator(self._run(IOREG))
        if found is None:
            raise SensorAbsent("ioreg lists no accelerator; usual in a virtual machine")
        if self._total_bytes != self._total_bytes:
            self._total_bytes = self._memory_bytes()
        power = self._power()
        gpu = GpuSample(
            GPU_ID,
            "ok",
            utilization_ratio=found.utilization_ratio,
            memory_used_bytes=found.memory_used_bytes,
            memory_total_bytes=self._total_bytes,
            power_w=power.gpu_w,
            sm_clock_mhz=power.gpu_clock_mhz,
            age_s=0.0,
        )
        return Facts(gpus=(gpu,), gpu_inventory=(self._inventory(found.name),))

    def _memory_bytes(self) -> float:
        found = (_sysctl(self._run, name) for name in ("hw.memsize", "iogpu.wired_limit_mb"))
        return apple_text.gpu_memory_bytes(apple_text.sysctl("".join(found)))

    def _inventory(self, name: str) -> GpuInventory:
        return GpuInventory(
            gpu_id=GPU_ID,
            uuid="",
            nvml_index=-1,
            vendor="apple",
            name=name,
            bus_id="",
            mig_parent="",
            driver_version="",
            vbios_version="",
            compute_mode="",
            unified_memory=True,
            memory_total_bytes=self._total_bytes,
        )


class AppleMemory:
    """Memory pressure, swap and thermal pressure, every five seconds."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._rates = Rates()

    def read(self) -> Facts:
        """Return them; psutil has the rest of memory, but counts pages of files as swap here."""
        pages = apple_text.pages(self._run(("/usr/bin/vm_stat",)).decode("ascii", "replace"))
        swapped = {
            "swap_in_bytes_per_s": pages.swapped_in_bytes,
            "swap_out_bytes_per_s": pages.swapped_out_bytes,
        }
        level = self._run(("/usr/bin/notifyutil", "-g", "com.apple.system.thermalpressurelevel"))
        return Facts(
            host={
                "memory_pressure_ratio": pages.pressure_ratio,
                "thermal_pressure": apple_text.thermal_pressure(level.decode("ascii", "replace")),
                **self._rates.per_second(time.monotonic(), swapped),
            }
        )


def sources(platform: str = sys.platform) -> Sequence[Blocking]:
    """Return the sources of a Mac; none elsewhere."""
    if platform != "darwin":
        return ()
    power = PowerMetrics(lambda command: run(command, POWER_TIMEOUT_S), root=os.geteuid() == 0)
    return (
        Blocking("apple_gpu", Apple(run, power.latest).read, period_s=2.0, timeout_s=3 * COMMAND_S),
        Blocking("apple_memory", AppleMemory(run).read, period_s=5.0, timeout_s=2 * COMMAND_S),
        Blocking("powermetrics", power.read, period_s=POWER_PERIOD_S, timeout_s=POWER_TIMEOUT_S),
    )


def _sysctl(run: Run, name: str) -> str:
    """Return one value with its name; nothing where this Mac has no such name."""
    try:
        return run(("/usr/sbin/sysctl", name)).decode("ascii", "replace")
    except OSError:
        return ""
