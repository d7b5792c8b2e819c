"""What a backtest judges: the patterns and alerts whose thresholds differ, and those that are asked for."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from processors.fleet.alert import FleetAlert, NodeAlert
from processors.fleet.catalog import ALERTS
from processors.patterns.catalog import PATTERNS
from processors.patterns.pattern import Pattern
from processors.patterns.rules import Layer, Rules
from processors.patterns.thresholds import Thresholds


@dataclass(frozen=True, slots=True)
class Asked:
    """Ids of what is judged, sorted."""

    patterns: tuple[str, ...]
    alerts: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.patterns or self.alerts)

    def __or__(self, other: "Asked") -> "Asked":
        return asked((*self.patterns, *other.patterns), (*self.alerts, *other.alerts))


EVERY = Asked(tuple(one.id for one in PATTERNS), tuple(sorted(one.id for one in ALERTS)))


def asked(patterns: Iterable[str], alerts: Iterable[str]) -> Asked:
    """Return ids once each, in their order."""
    return Asked(tuple(sorted(set(patterns))), tuple(sorted(set(alerts))))


def differing(new: Rules, old: Rules) -> Asked:
    """Return what two sets of rules do not set alike, for any fleet, chip or node.

    To set a threshold to its default for everybody is not to set it.
    """
    patterns = {each.id: each.thresholds for each in PATTERNS}
    alerts = {each.id: each.thresholds for each in ALERTS}
    return asked(
        (
            *_changed(new.patterns, old.patterns, patterns),
            *_changed_near(new.fleets, old.fleets),
            *_changed_near(new.chips, old.chips),
            *_changed_near(new.nodes, old.nodes),
        ),
        (*_changed(new.alerts, old.alerts, alerts), *_changed_near(new.fleet_alerts, old.fleet_alerts)),
    )


def longest_for_s(which: Asked, rules: Iterable[Rules]) -> float:
    """Return for how many seconds something must hold, at most, before it opens, by any of the rules."""
    longest = 0.0
    for each in rules:
        for layer in _layers(each):
            for id_, values in layer.items():
                if id_ in which.patterns or id_ in which.alerts:
                    longest = max(longest, float(values.get("for_s", 0.0)))
    return max([longest, *(float(one.for_s) for one in catalog(which))])


def catalog(which: Asked) -> Iterator[Pattern | NodeAlert | FleetAlert]:
    """Yield the patterns and alerts themselves."""
    yield from (one for one in PATTERNS if one.id in which.patterns)
    yield from (one for one in ALERTS if one.id in which.alerts)


def _layers(rules: Rules) -> Iterator[Layer]:
    yield from (rules.patterns, rules.alerts)
    for group in (rules.fleets, rules.fleet_alerts, rules.chips, rules.nodes):
        yield from group.values()


def _changed(new: Layer, old: Layer, kinds: Mapping[str, type[Thresholds]]) -> Iterator[str]:
    for id_ in sorted({*new, *old}):
        if kinds[id_](**new.get(id_, {})) != kinds[id_](**old.get(id_, {})):  # type: ignore[arg-type]
            yield id_


def _changed_near(new: Mapping[str, Layer], old: Mapping[str, Layer]) -> Iterator[str]:
    for name in sorted({*new, *old}):
        ours, theirs = new.get(name, {}), old.get(name, {})
        yield from (id_ for id_ in sorted({*ours, *theirs}) if ours.get(id_) != theirs.get(id_))
