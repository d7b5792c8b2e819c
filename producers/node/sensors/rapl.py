"""CPU power by RAPL: the energy counters of every package, Intel and AMD alike.

Sub-zones are parts of their package, ``psys`` and ``intel-rapl-mmio`` count the same energy once more.
"""

import time
from pathlib import Path

from producers.node.source import Blocking, Facts, SensorAbsent, SensorForbidden
from schemas.events.reading import NAN

POWERCAP = Path("/sys/class/powercap")
_REMEDY = "let a group of the agent read them, as infra/systemd/60-penstock-rapl.rules of Penstock does"


class Rapl:
    """Watts are the difference of joules over the time between two readings."""

    def __init__(self, folder: Path = POWERCAP) -> None:
        self._folder = folder
        self._last: tuple[float, dict[str, int]] | None = None

    def read(self, now_s: float | None = None) -> Facts:
        """Return the power of all packages together.

        Raises:
            SensorAbsent: there are no packages.
            SensorForbidden: their counters may be read by root alone.
        """
        packages = [path for path in sorted(self._folder.glob("intel-rapl:*")) if _is_package(path)]
        if not packages:
            raise SensorAbsent("no RAPL packages in /sys/class/powercap; usual in a virtual machine")
        try:
            energies = {path.name: int((path / "energy_uj").read_text("ascii")) for path in packages}
        except PermissionError as exc:
            raise SensorForbidden(
                "the energy counters of the CPU may be read by root alone", _REMEDY
            ) from exc
        now_s = time.monotonic() if now_s is None else now_s
        last, self._last = self._last, (now_s, energies)
        if last is None or last[1].keys() != energies.keys() or now_s <= last[0]:
            return Facts(host={"cpu_power_w": NAN})
        joules = sum(self._used(path, energies[path.name] - last[1][path.name]) for path in packages) / 1e6
        return Facts(host={"cpu_power_w": joules / (now_s - last[0])})

    def _used(self, path: Path, difference: int) -> float:
        """Return µJ used; the counter begins again at ``max_energy_range_uj``."""
        if difference >= 0:
            return difference
        try:
            return difference + int((path / "max_energy_range_uj").read_text("ascii"))
        except (OSError, ValueError):
            return NAN


def _is_package(path: Path) -> bool:
    if path.name.count(":") != 1:
        return False
    try:
        return (path / "name").read_text("ascii").startswith("package")
    except OSError:
        return False


def source() -> Blocking:
    """Read every second."""
    return Blocking("rapl", Rapl().read, period_s=1.0)
