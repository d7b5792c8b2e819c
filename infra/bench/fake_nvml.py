"""Compiles and drives the stand-in for NVIDIA's library.

It carries the name libnvidia-ml.so.1 within itself; once it is loaded, whoever asks the loader for that name
gets it, so the sensor and pynvml run unchanged.
"""

import ctypes
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

SOURCE = Path(__file__).with_suffix(".c")
XID = 8
_WHOLE, _SLOTS = 16, 8  # places of whole devices, and of the instances of each, in the library

H100 = {
    "use": 97,
    "memory use": 41,
    "total": 85_520_809_984,
    "used": 71_000_000_000,
    "temperature 0": 64,
    "threshold 0": 95,
    "threshold 1": 90,
    "threshold 2": 98,
    "memory temperature": 78,
    "power": 688_123,
    "limit": 700_000,
    "limit default": 700_000,
    "limit max": 750_000,
    "energy": 123_456_789_000,
    "clock 0": 1755,
    "clock 1": 1755,
    "clock 2": 2619,
    "clock max 1": 1980,
    "clock max 2": 2619,
    "pstate": 0,
    "reasons": 4,
    "mode": 0,
    "gen": 5,
    "gen max": 5,
    "width": 16,
    "width max": 16,
    "pcie 0": 1000,
    "pcie 1": 2000,
    "replays": 3,
    "ecc": 1,
    "rows": 2,
    "pages": 0,
    "links": 4,
    "processes": 2,
}


def compiler() -> str | None:
    """Return a C compiler, where there is one."""
    return shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")


def build(folder: Path, *flags: str) -> Path:
    """Compile the library and return its path; ``-DOLD``: one that lacks functions."""
    target = folder / "libnvidia-ml.so.1"
    command = [
        str(compiler()),
        "-shared",
        "-fPIC",
        "-O1",
        "-Wl,-soname,libnvidia-ml.so.1",
        *flags,
        "-o",
        str(target),
    ]
    subprocess.run([*command, str(SOURCE)], check=True, timeout=60)
    return target


def environment(library: Path, devices: int) -> Mapping[str, str]:
    """Return what makes a process find the library, with so many H100; ``hang`` in its folder hangs it."""
    folder = library.parent
    lines = [f"{device};{value};{key}\n" for device in range(devices) for key, value in H100.items()]
    (folder / "readings").write_text("".join(lines), "utf-8")
    return {"LD_LIBRARY_PATH": str(folder), "FAKE_NVML_FOLDER": str(folder)}


def hang(library: Path) -> None:
    """Let every call in a process with that environment hang from now on."""
    (library.parent / "hang").touch()


class FakeNvml:
    """The library's other side: what it will answer."""

    def __init__(self, library: Path) -> None:
        self._library = ctypes.CDLL(str(library))

    def devices(self, count: int) -> None:
        """Begin anew with so many H100."""
        self._library.fake_reset(count)
        for device in range(count):
            for key, value in H100.items():
                self.set(device, key, value)

    def set(self, device: int, key: str, value: int) -> None:
        """Set a reading in NVML's own unit."""
        self._library.fake_set(device, key.encode(), ctypes.c_longlong(value))

    def fail(self, device: int, function: str, code: int) -> None:
        """Make a function, or everything, fail with a code; device -1: calls of none. 0 heals it."""
        self._library.fake_fail(device, function.encode(), code)

    def hang(self, milliseconds: int) -> None:
        """Make each call take so long."""
        self._library.fake_hang(milliseconds)

    def xid(self, device: int, code: int) -> None:
        """Report an XID."""
        self.event(device, XID, code)

    def event(self, device: int, kind: int, data: int = 0) -> None:
        """Report an event, if anyone registered for its kind."""
        self._library.fake_event(device, ctypes.c_longlong(kind), ctypes.c_longlong(data))

    def instance(self, device: int, slot: int, **readings: int) -> None:
        """Make a MIG instance of a device, with memory, or change its readings; ``made=0`` takes it away."""
        self.set(device, "mig", 1)
        made = {"made": 0x77000000 + 16 * device, "total": 10_000_000_000, "used": 0, "busy": 0, **readings}
        for key, value in made.items():
            self.set(_WHOLE + device * _SLOTS + slot, key.replace("_", " "), value)

    def fail_instances(self, device: int, code: int) -> None:
        """Make everything fail that concerns the MIG instances of a device."""
        for slot in range(_SLOTS):
            self.fail(_WHOLE + device * _SLOTS + slot, "everything", code)

    @property
    def sets_open(self) -> int:
        """How many sets of events are not freed."""
        return int(self._library.fake_sets())

    @property
    def samples_open(self) -> int:
        """How many GPM snapshots are not freed."""
        return int(self._library.fake_samples())

    @property
    def opened(self) -> int:
        """How often it is initialised and not shut down."""
        return int(self._library.fake_opened())
