"""CPU use and load: psutil ``cpu_percent`` and ``getloadavg``."""

import psutil

from producers.node.source import Blocking, Facts
from schemas.events.reading import NAN


class Cpu:
    """Use since the last reading; psutil's first answer has nothing before it and means nothing."""

    def __init__(self) -> None:
        self._primed = False

    def read(self) -> Facts:
        """Return use and load."""
        percent = psutil.cpu_percent(interval=None)
        ratio = percent / 100 if self._primed else NAN
        self._primed = True
        return Facts(host={"cpu_ratio": ratio, "load_1m": psutil.getloadavg()[0]})


def source() -> Blocking:
    """Read every second."""
    return Blocking("cpu", Cpu().read, period_s=1.0)
