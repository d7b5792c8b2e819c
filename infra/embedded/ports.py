"""Is a port free? Asked before anything starts, so that the answer can name the setting."""

import ipaddress
import socket
from dataclasses import dataclass

from schemas.errors import ConfigError
from schemas.settings.load import variable


@dataclass(frozen=True, slots=True)
class Port:
    """A port that a part listens on, and the dotted name of the setting that moves it."""

    host: str
    number: int
    setting: str


def require_free(*ports: Port) -> None:
    """Check that each port can be listened on.

    Raises:
        ConfigError: one is in use, or its address is not this machine's.
    """
    for port in ports:
        try:
            _listen(port)
        except OSError as exc:
            raise ConfigError(
                f"port {port.number} on {port.host} cannot be listened on ({exc.strerror}): stop what uses "
                f"it, or set {port.setting} ({variable(port.setting)}) to another"
            ) from exc


def is_loopback(host: str) -> bool:
    """Say whether only this machine can reach the address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _listen(port: Port) -> None:
    family = socket.AF_INET6 if ":" in port.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As servers do: connections of a process that ended lately do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((port.host, port.number))
        probe.listen()
