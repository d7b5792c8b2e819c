"""Pressure stall information of Linux: the share of the last ten seconds in which work waited."""

from pathlib import Path

from producers.node.source import Blocking, Facts, SensorAbsent, SensorForbidden
from schemas.events.reading import NAN

PROC = Path("/proc/pressure")
_REMEDY = "let the agent's user read /proc/pressure: a sandbox or a hardened kernel hides it"


def parse(text: str) -> dict[str, float]:
    """Return ``avg10`` of the lines ``some`` and ``full``, 0..1."""
    found = {}
    for line in text.splitlines():
        kind, *fields = line.split()
        for item in fields:
            name, _, value = item.partition("=")
            if name == "avg10":
                found[kind] = float(value) / 100
    return found


class Pressure:
    """Reads the three files; a kernel may have some."""

    def __init__(self, folder: Path = PROC) -> None:
        self._folder = folder

    def read(self) -> Facts:
        """Return the ratios.

        Raises:
            SensorAbsent: the kernel has no pressure stall information.
            SensorForbidden: this user may not read it.
        """
        if not self._folder.is_dir():
            raise SensorAbsent("the kernel has no /proc/pressure", "boot Linux 4.20 or later with psi=1")
        memory = self._parsed("memory")
        return Facts(
            host={
                "cpu_pressure_ratio": self._parsed("cpu").get("some", NAN),
                "memory_pressure_ratio": memory.get("some", NAN),
                "memory_stall_ratio": memory.get("full", NAN),
                "io_pressure_ratio": self._parsed("io").get("some", NAN),
            }
        )

    def _parsed(self, name: str) -> dict[str, float]:
        try:
            return parse((self._folder / name).read_text("ascii"))
        except PermissionError as exc:
            raise SensorForbidden(f"/proc/pressure/{name} may not be read", _REMEDY) from exc
        except OSError as exc:
            # Booted with psi=0, the files are there and cannot be read.
            raise SensorAbsent(f"/proc/pressure/{name} cannot be read: {exc}", "boot with psi=1") from exc


def source() -> Blocking:
    """Read every second."""
    return Blocking("pressure", Pressure().read, period_s=1.0)
