"""What Apple's own commands print on a Mac with Apple Silicon, read: pure functions of their output.

sysctl names and values, vm_stat pages, the property list of ioreg, the report of powermetrics, the level of
notifyutil. The formats are those of macOS 13 to 15.
"""

import plistlib
import re
from collections.abc import Mapping
from typing import Any, NamedTuple
from xml.parsers.expat import ExpatError

from schemas.events.reading import NAN

_MILLI = 1e-3
_MEBIBYTE = 1 << 20
# OSThermalNotification.h
_LEVELS = ("nominal", "moderate", "heavy", "trapping", "sleeping")
# The share of memory that the GPU may wire where the system manages it: sysctl says 0 then.
_MANAGED_SHARE = 0.75


class Accelerator(NamedTuple):
    """The GPU of the chip; bytes are of the memory it shares with the CPU."""

    name: str
    utilization_ratio: float
    memory_used_bytes: float


class Pages(NamedTuple):
    """Memory of the machine; swap counts bytes since the machine was started."""

    pressure_ratio: float
    swapped_in_bytes: float
    swapped_out_bytes: float


class Power(NamedTuple):
    """Watts over the time that powermetrics looked."""

    cpu_w: float
    gpu_w: float
    soc_w: float
    gpu_clock_mhz: float


def sysctl(text: str) -> Mapping[str, str]:
    """Return the values of ``sysctl name ...`` by name."""
    pairs = (line.partition(": ") for line in text.splitlines())
    return {name.strip(): value.strip() for name, separator, value in pairs if separator}


def gpu_memory_bytes(values: Mapping[str, str]) -> float:
    """Return how much memory the GPU may wire: the limit that is set, else what the system allows."""
    limit, total = _number(values.get("iogpu.wired_limit_mb")), _number(values.get("hw.memsize"))
    return limit * _MEBIBYTE if limit > 0 else total * _MANAGED_SHARE


def accelerator(document: bytes) -> Accelerator | None:
    """Return the GPU that ``ioreg -a -r -d 1 -c IOAccelerator`` lists; none where it lists none."""
    try:
        entries = plistlib.loads(document) if document.strip() else []
    except (plistlib.InvalidFileException, ExpatError, ValueError, OverflowError):
        return None
    for entry in entries if isinstance(entries, list) else []:
        found = entry.get("PerformanceStatistics") if isinstance(entry, dict) else None
        if isinstance(found, dict):
            return Accelerator(
                str(entry.get("model", "Apple GPU")),
                _first(found, "Device Utilization %", "GPU Activity(%)") / 100,
                _first(found, "In use system memory"),
            )
    return None


def pages(text: str) -> Pages:
    """Return memory pressure and swap of ``vm_stat``; NaN where a line is missing."""
    size = re.search(r"page size of (\d+) bytes", text)
    page_bytes = float(size.group(1)) if size else NAN
    found = {
        name.strip().strip('"').lower(): float(count)
        for name, count in re.findall(r"^([^:\n]+):\s+(\d+)\.?$", text, re.MULTILINE)
    }

    def count(name: str) -> float:
        return found.get(name, NAN)

    held = count("pages wired down") + count("pages active") + count("pages occupied by compressor")
    free = count("pages free") + count("pages inactive") + count("pages speculative")
    return Pages(
        held / (held + free) if held + free > 0 else NAN,
        count("swapins") * page_bytes,
        count("swapouts") * page_bytes,
    )


def thermal_pressure(text: str) -> str:
    """Return the level of ``notifyutil -g com.apple.system.thermalpressurelevel``; empty: not known."""
    found = re.search(r"thermalpressurelevel\s+(\d+)", text)
    level = int(found.group(1)) if found else len(_LEVELS)
    return _LEVELS[level] if level < len(_LEVELS) else ""


def power(text: str) -> Power:
    """Return the watts of ``powermetrics --samplers cpu_power,gpu_power``; NaN where a line is missing."""
    cpu_w, gpu_w, ane_w = (_watts(text, name) for name in ("CPU Power", "GPU Power", "ANE Power"))
    whole_w = _watts(text, r"Combined Power \(CPU \+ GPU \+ ANE\)")
    clock = re.search(r"^GPU (?:HW )?active frequency:\s+([\d.]+) MHz", text, re.MULTILINE)
    return Power(
        cpu_w,
        gpu_w,
        cpu_w + gpu_w + ane_w if whole_w != whole_w else whole_w,
        _number(clock.group(1)) if clock else NAN,
    )


def _watts(text: str, name: str) -> float:
    found = re.search(rf"^{name}:\s+([\d.]+) mW", text, re.MULTILINE)
    return _number(found.group(1)) * _MILLI if found else NAN


def _first(found: Mapping[str, Any], *names: str) -> float:
    values = (found[name] for name in names if isinstance(found.get(name), int | float))
    return float(next(values, NAN))


def _number(text: str | None) -> float:
    try:
        return float(text) if text is not None else NAN
    except ValueError:
        return NAN
