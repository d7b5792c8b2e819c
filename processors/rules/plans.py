"""Which rules concern a node: rules that select alike are a group; nodes in the same groups share a plan."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from operator import itemgetter
from typing import Any, NamedTuple

from processors.rules.ladder import Ladder
from processors.rules.rule import Rule, Value, selects, selects_model
from schemas.events.condition_changed import Label
from schemas.rule_document import Selection

_GLOB = frozenset("*?[")
# From an event, or a window of them, to a value.
Read = Callable[[Any], Value]
Reader = Callable[[Any], Read]


class Place(NamedTuple):
    """A rule and the number of its reading in the plan."""

    rule: Rule
    reading: int


class Plan:
    """The readings of some rules in a fixed order, and for each the ladder of its rules.

    ``index`` is what the plan was made from: a plan of another index is out of date. A plan without an index
    only names readings, as after a restart.
    """

    __slots__ = ("_fresh", "index", "keys", "ladders", "places", "readers")

    def __init__(self, rules: Iterable[Rule], index: "Index | None", keys: tuple[str, ...] = ()) -> None:
        grouped: dict[Any, list[Rule]] = defaultdict(list)
        self.readers: tuple[Read, ...] = ()
        if index is not None:
            for rule in rules:
                grouped[index.reading_of(rule)].append(rule)
            self.readers = tuple(map(index.reader, sorted(grouped)))
        readings = sorted(grouped)
        self.index = index
        self.keys = tuple(reading.key for reading in readings) or keys
        self.ladders = tuple(Ladder(grouped[reading]) for reading in readings)
        self.places: Mapping[str, Place] = {
            rule.id: Place(rule, number)
            for number, ladder in enumerate(self.ladders)
            for rule in ladder.rules
        }
        self._fresh: tuple[Plan, tuple[Place, ...]] | None = None

    def fresh(self, before: "Plan") -> tuple[Place, ...]:
        """Return what is judged here and was not by another plan, by id; nodes mostly come from the same."""
        if self._fresh is None or self._fresh[0] is not before:
            before._fresh = None  # else each plan would keep the one before it
            found = tuple(
                place
                for rule_id, place in sorted(self.places.items())
                if rule_id not in before.places or before.places[rule_id].rule is not place.rule
            )
            self._fresh = (before, found)
        return self._fresh[1]


@lru_cache(maxsize=4096)
def bare(keys: tuple[str, ...]) -> Plan:
    """Return a plan that only names readings: of no rule it can be said that it has been judged."""
    return Plan((), None, keys)


class _Group(NamedTuple):
    select: Selection
    rules: list[Rule]


class Index:
    """The groups of the rules of a source, and the plans that were asked for.

    ``reading_of``: what a rule reads, a NamedTuple with a ``key``. ``reader``: how that is read.
    """

    __slots__ = ("_anywhere", "_groups", "_named", "_plans", "by_models", "reader", "reading_of")

    def __init__(self, rules: Iterable[Rule], reading_of: Callable[[Rule], Any], reader: Reader) -> None:
        self.reading_of = reading_of
        self.reader = reader
        groups: dict[str, _Group] = {}
        for rule in rules:
            select = rule.document.select
            key = select.model_dump_json(include={"fleets", "nodes", "tags", "models"})
            groups.setdefault(key, _Group(select, [])).rules.append(rule)
        self._groups = tuple(groups[key] for key in sorted(groups))
        self._named: dict[str, list[int]] = defaultdict(list)
        self._anywhere: list[int] = []
        for number, group in enumerate(self._groups):
            names = group.select.nodes
            if names and not any(_GLOB & set(name) for name in names):
                for name in set(names):  # order: each has a list of its own
                    self._named[name].append(number)
            else:
                self._anywhere.append(number)
        self._plans: dict[tuple[int, ...], Plan] = {}
        self.by_models = any(group.select.models for group in self._groups)

    def plan(self, fleet: str, node_id: str, tags: tuple[Label, ...], models: Iterable[str]) -> Plan:
        """Return the plan of a node. A rule that selects models concerns it while one of them is loaded."""
        numbers = tuple(
            number
            for number in sorted((*self._named.get(node_id, ()), *self._anywhere))
            if self._concerns(self._groups[number].select, fleet, node_id, tags, models)
        )
        plan = self._plans.get(numbers)
        if plan is None:
            rules = (rule for number in numbers for rule in self._groups[number].rules)
            plan = self._plans[numbers] = Plan(rules, self)
        return plan

    @staticmethod
    def _concerns(
        select: Selection, fleet: str, node_id: str, tags: tuple[Label, ...], models: Iterable[str]
    ) -> bool:
        if not selects(select, fleet, node_id, tags):
            return False
        return not select.models or any(selects_model(select, model) for model in models)


def names_of(models: Iterable[tuple[object, ...]]) -> tuple[str, ...]:
    """Return the names of loaded models, sorted."""
    return tuple(sorted(set(map(str, map(itemgetter(0), models)))))
