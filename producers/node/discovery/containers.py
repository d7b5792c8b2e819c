"""Runtimes in containers: which container a process is in, and at which port of this machine it is published.

Docker starts one ``docker-proxy`` per published port, whose arguments say where it leads. Where it does not,
the port must be named in the settings.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from producers.node.discovery.argv import program

_ID = re.compile(r"[0-9a-f]{64}")
_SHORT = 12


class Published(NamedTuple):
    """A port of this machine that leads to one of a container."""

    host: str
    port: int
    container_port: int


def published(argv: Sequence[str]) -> Published | None:
    """Return what a ``docker-proxy`` publishes; nothing for any other process. Pure."""
    if not argv or program(argv[0]) != "docker-proxy":
        return None
    told = dict(zip(argv[1::2], argv[2::2], strict=False))
    ports = [told.get("-host-port", ""), told.get("-container-port", "")]
    if told.get("-proto", "tcp") != "tcp" or not all(re.fullmatch(r"[0-9]{1,5}", port) for port in ports):
        return None
    return Published(told.get("-host-ip", ""), int(ports[0]), int(ports[1]))


def container_id(cgroup: str) -> str:
    """Return the short id of the container that ``/proc/<pid>/cgroup`` names, else nothing. Pure."""
    found = _ID.findall(cgroup)
    return found[-1][:_SHORT] if found else ""


def container_of(pid: int) -> str:
    """Return the short id of the container a process is in; nothing where it is in none, or is gone."""
    try:
        return container_id(Path(f"/proc/{pid}/cgroup").read_text("utf-8", "replace"))
    except OSError:
        return ""
