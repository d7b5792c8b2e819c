"""Thresholds: typed, with a default, a range and a meaning each; a TOML file changes them.

A pattern declares its own as a frozen dataclass, a field each::

    @dataclass(frozen=True, slots=True)
    class ThermalDrain(Thresholds):
        hot_share_min: float = threshold(0.7, 0.0, 1.0, doc="share of samples that are hot")

Every pattern has those of ``Thresholds`` besides. ``rules.py`` reads the file and picks the layer that is
nearest: the node's, else its chip's, else its fleet's, else the file's own, else the default.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any


def threshold(default: float, low: float, high: float, unit: str = "", *, doc: str) -> Any:  # noqa: ANN401 - a dataclass field stands for its value
    """Declare a threshold: ``low`` to ``high`` is what a file may set it to, both included."""
    return field(default=default, metadata={"low": low, "high": high, "unit": unit, "doc": doc})


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What every pattern has. A negative number of seconds stands for the pattern's own."""

    enabled: bool = field(default=True, metadata={"doc": "whether the pattern is judged at all"})
    for_s: float = threshold(-1.0, -1.0, 3600.0, "s", doc="seconds it must hold before it opens; -1: its own")
    clear_s: float = threshold(
        -1.0, -1.0, 3600.0, "s", doc="seconds it must not hold before it ends; -1: its own"
    )


def described(kind: type[Thresholds]) -> Mapping[str, Mapping[str, Any]]:
    """Return default, low, high, unit and doc of every threshold of a pattern, by name."""
    return {each.name: {"default": each.default, **each.metadata} for each in fields(kind)}
