"""Which thresholds hold where: one TOML file over the defaults.

    [patterns.thermal_drain]
    hot_share_min = 0.6

    [fleets.lab.patterns.thermal_drain]
    enabled = false

    [chips."RTX 4090".patterns.hot_memory]
    memory_temperature_c = 108

    [nodes."gpu-7".patterns.thermal_drain]
    for_s = 120

Alerts of the fleet are set alike under ``alerts`` and ``fleets.NAME.alerts``. The nearest layer that names a
threshold decides: the node, then its chip, then its fleet, then the file, then the default. A chip is named
by a part of its product name, in any case.
"""

import hashlib
import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Any

from processors.patterns.thresholds import Thresholds, described
from schemas.errors import ConfigError

Layer = Mapping[str, Mapping[str, bool | float]]


@dataclass(frozen=True, slots=True)
class Rules:
    """The layers of a file, checked. ``digest`` tells two sets of rules apart; defaults have their own."""

    patterns: Layer = field(default_factory=dict)
    alerts: Layer = field(default_factory=dict)
    fleets: Mapping[str, Layer] = field(default_factory=dict)
    fleet_alerts: Mapping[str, Layer] = field(default_factory=dict)
    chips: Mapping[str, Layer] = field(default_factory=dict)
    nodes: Mapping[str, Layer] = field(default_factory=dict)
    digest: str = "default"

    def of_node(
        self, pattern: str, kind: type[Thresholds], *, fleet: str, node_id: str, chips: Iterable[str]
    ) -> Thresholds:
        """Return the thresholds of a pattern at a node."""
        return _layered(kind, pattern, [layer for _, layer in self._near(fleet, node_id, chips)])

    def places_of_node(
        self, pattern: str, *, fleet: str, node_id: str, chips: Iterable[str]
    ) -> Mapping[str, str]:
        """Return which table of the file decides each threshold at a node; those left out are defaults."""
        return _places(pattern, "patterns", self._near(fleet, node_id, chips))

    def of_fleet(self, alert: str, kind: type[Thresholds], *, fleet: str) -> Thresholds:
        """Return the thresholds of an alert in a fleet."""
        return _layered(kind, alert, [layer for _, layer in self._near_fleet(fleet)])

    def places_of_fleet(self, alert: str, *, fleet: str) -> Mapping[str, str]:
        """Return which table of the file decides each threshold of an alert; the rest are defaults."""
        return _places(alert, "alerts", self._near_fleet(fleet))

    def _near(self, fleet: str, node_id: str, chips: Iterable[str]) -> list[tuple[str, Layer]]:
        """The layers of a node, the nearest last, and the tables they are."""
        return [
            ("", self.patterns),
            (f'fleets."{fleet}".', self.fleets.get(fleet, {})),
            *((f'chips."{part}".', self.chips[part]) for part in self._chips(chips)),
            (f'nodes."{node_id}".', self.nodes.get(node_id, {})),
        ]

    def _near_fleet(self, fleet: str) -> list[tuple[str, Layer]]:
        return [("", self.alerts), (f'fleets."{fleet}".', self.fleet_alerts.get(fleet, {}))]

    def _chips(self, names: Iterable[str]) -> list[str]:
        """The longest part that fits is nearest: "RTX 4090" before "RTX"."""
        lowered = [name.lower() for name in names]
        fitting = [part for part in self.chips if any(part.lower() in name for name in lowered)]
        return sorted(fitting, key=lambda part: (len(part), part))


def _layered(kind: type[Thresholds], name: str, layers: Iterable[Layer]) -> Thresholds:
    found = kind()
    for layer in layers:
        if name in layer:
            values: Mapping[str, Any] = layer[name]
            found = replace(found, **values)
    return found


def _places(name: str, group: str, layers: Iterable[tuple[str, Layer]]) -> Mapping[str, str]:
    return {each: f"{place}{group}.{name}" for place, layer in layers for each in layer.get(name, {})}


def parse(
    text: str, source: str, patterns: Mapping[str, type[Thresholds]], alerts: Mapping[str, type[Thresholds]]
) -> Rules:
    """Return the rules of a TOML text; ``source`` names it in errors.

    Raises:
        ConfigError: the text is no TOML, names what is not known, or sets it out of its range. Every problem
            is said, each with its place and what is allowed.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise ConfigError(f"{source}: {exc}") from exc
    return of_document(document, source, patterns, alerts)


def of_document(
    document: Mapping[str, Any],
    source: str,
    patterns: Mapping[str, type[Thresholds]],
    alerts: Mapping[str, type[Thresholds]],
) -> Rules:
    """Return the rules in plain values, as TOML or JSON give them.

    Raises:
        ConfigError: as ``parse`` raises it.
    """
    checker = _Checker(patterns, alerts)
    rules = checker.rules(document)
    if checker.problems:
        raise ConfigError(f"{source}: " + "; ".join(checker.problems))
    canonical = json.dumps(document, sort_keys=True, default=str)
    return replace(rules, digest=hashlib.sha256(canonical.encode()).hexdigest()[:12])


class _Checker:
    def __init__(
        self, patterns: Mapping[str, type[Thresholds]], alerts: Mapping[str, type[Thresholds]]
    ) -> None:
        self._known = {"patterns": patterns, "alerts": alerts}
        self.problems: list[str] = []

    def rules(self, document: Mapping[str, Any]) -> Rules:
        self._only(document, ("patterns", "alerts", "fleets", "chips", "nodes"), "")
        fleets = self._groups(document, "fleets", ("patterns", "alerts"))
        return Rules(
            self._layer(document.get("patterns", {}), "patterns", "patterns"),
            self._layer(document.get("alerts", {}), "alerts", "alerts"),
            {name: each["patterns"] for name, each in fleets.items()},
            {name: each["alerts"] for name, each in fleets.items()},
            {name: each["patterns"] for name, each in self._groups(document, "chips", ("patterns",)).items()},
            {name: each["patterns"] for name, each in self._groups(document, "nodes", ("patterns",)).items()},
        )

    def _groups(
        self, document: Mapping[str, Any], group: str, kinds: tuple[str, ...]
    ) -> dict[str, dict[str, Layer]]:
        found: dict[str, dict[str, Layer]] = {}
        named = document.get(group, {})
        if not self._is_table(named, group):
            return found
        for name, table in named.items():
            place = f"{group}.{name}"
            if self._is_table(table, place):
                self._only(table, kinds, place)
                found[name] = {
                    kind: self._layer(table.get(kind, {}), kind, f"{place}.{kind}") for kind in kinds
                }
        return found

    def _layer(self, table: Any, kind: str, place: str) -> Layer:  # noqa: ANN401 - as TOML gives it
        found: dict[str, dict[str, bool | float]] = {}
        if not self._is_table(table, place):
            return found
        self._only(table, self._known[kind], place)
        for name, values in table.items():
            if name in self._known[kind] and self._is_table(values, f"{place}.{name}"):
                found[name] = self._values(values, self._known[kind][name], f"{place}.{name}")
        return found

    def _values(
        self, values: Mapping[str, Any], kind: type[Thresholds], place: str
    ) -> dict[str, bool | float]:
        allowed = described(kind)
        self._only(values, allowed, place)
        found: dict[str, bool | float] = {}
        for name, value in values.items():  # order: of the file, as its problems are told
            if name not in allowed:
                continue
            about = allowed[name]
            if isinstance(about["default"], bool):
                if isinstance(value, bool):
                    found[name] = value
                else:
                    self.problems.append(f"{place}.{name} is {value!r}: true or false is allowed")
            elif isinstance(value, bool) or not isinstance(value, int | float):
                self.problems.append(f"{place}.{name} is {value!r}: a number is allowed")
            elif not about["low"] <= value <= about["high"]:
                unit = f" {about['unit']}" if about["unit"] else ""
                span = f"{about['low']:g} to {about['high']:g}{unit}"
                self.problems.append(f"{place}.{name} is {value:g}: {span} is allowed")
            else:
                found[name] = float(value)
        return found

    def _is_table(self, value: Any, place: str) -> bool:  # noqa: ANN401 - as TOML gives it
        if isinstance(value, Mapping):
            return True
        self.problems.append(f"{place} is {value!r}: a table is needed")
        return False

    def _only(self, table: Mapping[str, Any], allowed: Iterable[str], place: str) -> None:
        names = sorted(allowed)
        for name in table:  # order: of the file, as its problems are told
            if name not in names:
                near = get_close_matches(name, names, 1)
                hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(names)}"
                self.problems.append(f"{f'{place}.' if place else ''}{name} is not known; {hint}")


def kinds_of(patterns: Iterable[Any]) -> Mapping[str, type[Thresholds]]:
    """Return the thresholds of patterns, or of alerts, by id."""
    return {each.id: each.thresholds for each in patterns}
