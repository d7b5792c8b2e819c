"""The patterns and alerts of ``docs/detections.md``, as they declare themselves."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from infra.docs.markdown import table
from processors.fleet.alert import FleetAlert, NodeAlert
from processors.fleet.catalog import ALERTS
from processors.patterns.catalog import PATTERNS
from processors.patterns.pattern import Pattern
from processors.patterns.thresholds import Thresholds, described

COMMON = ("enabled", "for_s", "clear_s")


def patterns() -> str:
    """Return a section for each pattern."""
    return "\n".join(_joined(_pattern(each)) for each in PATTERNS)


def alerts() -> str:
    """Return a section for each alert."""
    return "\n".join(_joined(_alert(each)) for each in sorted(ALERTS, key=lambda one: one.id))


def _pattern(pattern: Pattern) -> Iterator[str]:
    yield f"### {pattern.id}"
    yield f"**{pattern.title}.** {pattern.about}"
    hints = ", ".join(f"{severity}: {hint}" for severity, hint in pattern.hints.items())
    yield (
        f"Window {pattern.window_s} s, of which {pattern.min_coverage:.0%} must be there. "
        f"{_times(pattern.for_s, pattern.clear_s)} Routing hint: {hints}."
    )
    yield f"What to do (`{pattern.action}`): {pattern.recommendation}"
    yield from _thresholds(pattern.thresholds)
    if pattern.departs:
        yield f"Other than Wicklee's: {pattern.departs}"


def _alert(alert: NodeAlert | FleetAlert) -> Iterator[str]:
    yield f"### {alert.id}"
    yield f"**{alert.title}.** {alert.about}"
    about = "About one node." if isinstance(alert, NodeAlert) else "Compares the nodes of a fleet."
    yield f"{about} {_times(alert.for_s, alert.clear_s)}"
    yield f"What to do (`{alert.action}`): {alert.recommendation}"
    yield from _thresholds(alert.thresholds)
    if alert.departs:
        yield f"Other than Wicklee's: {alert.departs}"


def _times(for_s: int, clear_s: int) -> str:
    opens = f"Opens when that has held for {for_s} s" if for_s else "Opens at once"
    return f"{opens}; ends when it {f'has not for {clear_s} s' if clear_s else 'no longer holds'}."


def _thresholds(kind: type[Thresholds]) -> Iterator[str]:
    rows = [
        (f"`{name}`", _number(about["default"], about["unit"]), _range(about), about["doc"])
        for name, about in described(kind).items()
        if name not in COMMON
    ]
    if rows:
        yield table(("threshold", "default", "allowed", "meaning"), rows).rstrip()


def _range(about: Mapping[str, Any]) -> str:
    return f"{about['low']:,g} to {about['high']:,g}"


def _number(value: float, unit: str) -> str:
    return f"{value:,g} {unit}".strip()


def _joined(parts: Iterable[str]) -> str:
    return "\n\n".join(parts) + "\n"
