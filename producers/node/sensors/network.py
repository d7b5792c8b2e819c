"""Network: bytes received and sent on all interfaces but loopback; psutil."""

import time

import psutil

from producers.node.rate import Rates
from producers.node.source import Blocking, Facts


class Network:
    """Sums the interfaces; one that comes or goes with its counters is no rate."""

    def __init__(self) -> None:
        self._rates = Rates()
        self._names: frozenset[str] = frozenset()

    def read(self) -> Facts:
        """Return the rates; NaN when the set of interfaces changed since the last reading."""
        counters = {
            name: found for name, found in psutil.net_io_counters(pernic=True).items() if not _loopback(name)
        }
        if counters.keys() != self._names:
            self._rates, self._names = Rates(), frozenset(counters)
        totals = {
            "network_receive_bytes_per_s": float(sum(found.bytes_recv for found in counters.values())),
            "network_transmit_bytes_per_s": float(sum(found.bytes_sent for found in counters.values())),
        }
        return Facts(host=self._rates.per_second(time.monotonic(), totals))


def _loopback(name: str) -> bool:
    return name == "lo" or (name.startswith("lo") and name[2:].isdigit())


def source() -> Blocking:
    """Read every second."""
    return Blocking("network", Network().read, period_s=1.0)
