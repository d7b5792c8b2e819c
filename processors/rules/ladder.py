"""The thresholds of one reading, sorted: a value that moves touches only what lies between old and new.

A threshold is a boundary of one of two kinds. ``x >= T`` and ``x < T`` change where a value reaches T;
``x > T`` and ``x <= T`` change where it goes beyond it::

    reached       0 ─── 3 ────────── 5 ── 5 ───────── 9        value 4 -> 5 touches both rules at 5
    beyond        0 ────── 4 ─────── 5 ────────────── 8        value 4 -> 5 touches the rule at 4
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator

from processors.rules.rule import BEYOND, Rule, Value


class Ladder:
    """The rules of one reading. ``rules``: all of them; ``changed``: those about any change of a text."""

    __slots__ = (
        "_beyond",
        "_beyond_rules",
        "_edges",
        "_exact",
        "_reached",
        "_reached_rules",
        "changed",
        "rules",
    )

    def __init__(self, rules: Iterable[Rule]) -> None:
        self.rules = tuple(sorted(rules, key=lambda rule: rule.id))
        self.changed = tuple(rule for rule in self.rules if rule.op == "changed")
        self._exact: dict[Value, list[Rule]] = defaultdict(list)
        reached: dict[float, list[Rule]] = defaultdict(list)
        beyond: dict[float, list[Rule]] = defaultdict(list)
        for rule in self.rules:
            if rule.op in ("==", "!="):
                self._exact[rule.word or rule.threshold].append(rule)
            elif rule.op != "changed":
                kind = beyond if rule.op in BEYOND else reached
                for limit in {rule.threshold, rule.clear}:  # order: each has a list of its own
                    kind[limit].append(rule)
        self._reached, self._reached_rules = _sorted(reached)
        self._beyond, self._beyond_rules = _sorted(beyond)
        self._edges = sorted({*reached, *beyond})

    def touched(self, before: Value, now: Value) -> Iterable[Rule]:
        """Return the rules that a move between two different values may concern; some may come twice."""
        if before != before:
            return self.rules  # nothing was known: each is judged for the first time
        if isinstance(now, str) or isinstance(before, str):
            return (*self.changed, *self._named(before, now))
        low, high = (before, now) if before < now else (now, before)
        edges = self._edges
        nearest = bisect_left(edges, low)
        if (nearest == len(edges) or edges[nearest] > high) and not self._exact:
            return ()  # most moves pass no threshold
        reached, beyond = self._reached, self._beyond
        first, last = bisect_right(reached, low), bisect_right(reached, high)
        start, stop = bisect_left(beyond, low), bisect_left(beyond, high)
        between = [*self._reached_rules[first:last], *self._beyond_rules[start:stop]]
        return [*(rule for rules in between for rule in rules), *self._named(before, now)]

    def _named(self, before: Value, now: Value) -> Iterator[Rule]:
        for value in (before, now):
            yield from self._exact.get(value, ())


def _sorted(limits: dict[float, list[Rule]]) -> tuple[list[float], list[list[Rule]]]:
    ordered = sorted(limits)
    return ordered, [limits[limit] for limit in ordered]
