"""Who this node is: a name that stays, a fingerprint of the machine, and a boot_id of this run."""

import hashlib
import os
import platform
import re
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import psutil

from producers.node.cgroup import MemoryLimit, container, cpu_limit
from schemas.events.reading import NAN
from schemas.settings import NodeSettings

MACHINE_ID_FILES = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))
_SHORT = 6


@dataclass(frozen=True, slots=True)
class Identity:
    """``node_id`` is the settings' or ``<host>-<6 hex digits>``; ``machine_id`` is a SHA-256."""

    node_id: str
    fleet: str
    boot_id: str
    machine_id: str
    started_at: int


@dataclass(frozen=True, slots=True)
class Machine:
    """What does not change while the agent runs; bytes are the control group's limit where one is set."""

    agent_version: str
    hostname: str
    os: str
    os_version: str
    arch: str
    container: str
    cpu_model: str
    cpu_count: float
    cpu_physical_count: float
    cpu_capacity_cores: float
    memory_total_bytes: float
    swap_total_bytes: float


def identify(settings: NodeSettings, data_dir: Path) -> Identity:
    """Return the identity of this run; ``boot_id`` is new each time."""
    machine_id = hashlib.sha256(_machine_id(data_dir).encode()).hexdigest()
    return Identity(
        node_id=settings.node_id or derived_node_id(socket.gethostname(), machine_id),
        fleet=settings.fleet,
        boot_id=uuid.uuid4().hex,
        machine_id=machine_id,
        started_at=time.time_ns() // 1000,
    )


def derived_node_id(hostname: str, machine_id: str) -> str:
    """Return the first label of the host's name and the beginning of the machine's fingerprint."""
    label = re.sub(r"[^a-z0-9-]+", "-", hostname.split(".")[0].lower()).strip("-")[:50] or "node"
    return f"{label}-{machine_id[:_SHORT]}"


def describe() -> Machine:
    """Return what this machine is."""
    inside = container()
    memory = float(psutil.virtual_memory().total)
    limit = MemoryLimit().read() if inside else None
    count = float(psutil.cpu_count() or NAN)
    return Machine(
        agent_version=version("penstock"),
        hostname=socket.gethostname(),
        os=platform.system().lower(),
        os_version=platform.release(),
        arch=platform.machine(),
        container=inside,
        cpu_model=_cpu_model(),
        cpu_count=count,
        cpu_physical_count=float(psutil.cpu_count(logical=False) or NAN),
        cpu_capacity_cores=(cpu_limit() if inside else None) or count,
        memory_total_bytes=min(memory, limit.limit_bytes) if limit else memory,
        swap_total_bytes=float(psutil.swap_memory().total),
    )


def _machine_id(data_dir: Path) -> str:
    """Return the operating system's id, else one of our own that is kept in the data directory."""
    found = _first_text(MACHINE_ID_FILES) or (_platform_uuid() if sys.platform == "darwin" else "")
    return found or _kept_id(data_dir / "machine-id")


def _first_text(files: Iterable[Path]) -> str:
    for path in files:
        try:
            if text := path.read_text("ascii").strip():
                return text
        except (OSError, UnicodeDecodeError):
            continue
    return ""


def _kept_id(path: Path) -> str:
    if kept := _first_text([path]):
        return kept
    made = uuid.uuid4().hex
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(made + "\n", "ascii")
    except OSError:
        return f"{uuid.getnode():012x}"  # the address of a network interface: it stays, where it is one
    return made


def _platform_uuid() -> str:
    command = ["/usr/sbin/ioreg", "-rd1", "-c", "IOPlatformExpertDevice"]
    try:
        text = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""
    found = re.search(r'"IOPlatformUUID" = "([^"]+)"', text)
    return found.group(1) if found else ""


def _cpu_model(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    try:
        found = re.search(r"^(?:model name|Model)\s*:\s*(.+)$", cpuinfo.read_text("utf-8", "replace"), re.M)
    except OSError:
        found = None
    return found.group(1).strip() if found else platform.processor() or os.uname().machine
