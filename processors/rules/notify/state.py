"""What the notify stage remembers: rules, groups of conditions, who is told of what, and how far time is."""

from collections.abc import Iterable
from typing import NamedTuple

import immutables

from processors.rules.rules import Rules, StoredRule
from schemas.events.condition_changed import ConditionChanged

NEVER = 1 << 62
NONE: "immutables.Map[str, ConditionChanged]" = immutables.Map()
NOTHING_TOLD: "immutables.Map[str, int]" = immutables.Map()


class Group(NamedTuple):
    """Conditions of one rule that are told together.

    ``group_id`` empty: it is not open. ``channels`` were told that it is. ``firing``: what fires now;
    ``told``: of it, and of what has ended since, which revision was told last; ``ended``: what is over and
    was not told yet. Times are log times, µs: ``at``, until when it has come; ``told_at``, of the newest
    telling; ``since``, from when on there has been something to tell that was held back by ``held_by``;
    ``cool_at``, before which it is not opened again; ``due``, when it is to be looked at again.
    """

    key: str
    rule_id: str
    group_id: str = ""
    revision: int = 0
    channels: tuple[str, ...] = ()
    firing: "immutables.Map[str, ConditionChanged]" = NONE
    told: "immutables.Map[str, int]" = NOTHING_TOLD
    ended: "immutables.Map[str, ConditionChanged]" = NONE
    at: int = 0
    told_at: int = 0
    since: int = 0
    held_by: str = ""
    cool_at: int = 0
    due: int = NEVER

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing to tell, now or when it cools."""
        return not (self.group_id or self.firing or self.ended)


class ToldAs(NamedTuple):
    """Which revision of a condition was told."""

    condition_id: str
    revision: int


class StoredGroup(NamedTuple):
    """A group as bytes."""

    key: str
    rule_id: str
    group_id: str
    revision: int
    channels: tuple[str, ...]
    firing: tuple[ConditionChanged, ...]
    told: tuple[ToldAs, ...]
    ended: tuple[ConditionChanged, ...]
    at: int
    told_at: int
    since: int
    held_by: str
    cool_at: int
    due: int


class Mark(NamedTuple):
    """How far a stage has come with a partition of its source: log time, µs."""

    stage: str
    partition: int
    passed_at: int


class State(NamedTuple):
    """The groups by key; which group a condition is in; what fires about a node; and time.

    ``nodes``: of fleet and node, the rules that fire there with how many conditions. ``due``: no group is
    due before that.
    """

    rules: Rules
    groups: "immutables.Map[str, Group]" = immutables.Map()
    places: "immutables.Map[str, str]" = immutables.Map()
    nodes: "immutables.Map[str, immutables.Map[str, frozenset[str]]]" = immutables.Map()
    offline: "immutables.Map[str, ConditionChanged]" = NONE
    marks: tuple[Mark, ...] = ()
    until: int = 0
    due: int = NEVER


class Stored(NamedTuple):
    """A state as bytes; what follows from the rest is left out."""

    rules: tuple[StoredRule, ...]
    groups: tuple[StoredGroup, ...]
    offline: tuple[ConditionChanged, ...]
    marks: tuple[Mark, ...]
    until: int


def node_key(condition: ConditionChanged) -> str:
    """Return what stands for the node of a condition; empty: it is about none."""
    return f"{condition.fleet}\x1f{condition.node_id}" if condition.node_id else ""


def with_firing(state: State, condition: ConditionChanged) -> State:
    """Return the state in which a condition fires for its node."""
    key = node_key(condition)
    if not key:
        return state
    rules = state.nodes.get(key, immutables.Map())
    ids = rules.get(condition.rule_id, frozenset()) | {condition.condition_id}
    return state._replace(nodes=state.nodes.set(key, rules.set(condition.rule_id, ids)))


def without_firing(state: State, condition: ConditionChanged) -> State:
    """Return the state in which it does not."""
    key = node_key(condition)
    rules = state.nodes.get(key, immutables.Map())
    ids = rules.get(condition.rule_id, frozenset()) - {condition.condition_id}
    if condition.rule_id not in rules:
        return state
    rules = rules.set(condition.rule_id, ids) if ids else rules.delete(condition.rule_id)
    return state._replace(nodes=state.nodes.set(key, rules) if rules else state.nodes.delete(key))


def stored(group: Group) -> StoredGroup:
    """Return a group as it is stored."""
    fields = group._asdict()
    for name in ("firing", "ended"):
        fields[name] = tuple(one for _, one in sorted(fields[name].items()))
    fields["told"] = tuple(ToldAs(*each) for each in sorted(group.told.items()))
    return StoredGroup(**fields)


def restored(group: StoredGroup) -> Group:
    """Return the group of ``stored``."""
    fields = group._asdict()
    for name in ("firing", "ended"):
        fields[name] = by_id(fields[name])
    fields["told"] = immutables.Map({one.condition_id: one.revision for one in group.told})
    return Group(**fields)


def by_id(conditions: Iterable[ConditionChanged]) -> "immutables.Map[str, ConditionChanged]":
    """Return conditions by their ids."""
    return immutables.Map({one.condition_id: one for one in conditions})
