"""The notify stage: conditions in, what people and programs are to be told out.

What a condition makes happen depends on its own group and on nothing that another partition may be ahead
with: a group goes by the log times of its conditions. Time without conditions moves by watermarks, as far as
all partitions of all rule stages have come, so that what is told after a wait knows of everything before.
"""

from typing import NamedTuple

import immutables
import zstandard

from processors.rules.findings import OFFLINE
from processors.rules.notify import group as groups
from processors.rules.notify.group import Now
from processors.rules.notify.quiet import quiet_until
from processors.rules.notify.state import (
    NEVER,
    Group,
    Mark,
    State,
    Stored,
    by_id,
    node_key,
    restored,
    stored,
    with_firing,
    without_firing,
)
from processors.rules.rule import SECOND_US, Rule, compiled
from processors.rules.rules import LEVEL, MOST_TEXT, Rules
from processors.rules.rules import restored as restored_rules
from processors.stage import Arrived, Output, Outputs, Rejected
from processors.state_codec import StateCodec
from schemas.codec import Event
from schemas.errors import ConfigError, DecodeError
from schemas.events.condition_changed import ConditionChanged
from schemas.events.notification_due import NotificationDue
from schemas.events.rule_changed import RuleChanged
from schemas.events.watermark import Watermark
from schemas.topics import FIRINGS, NOTIFICATIONS, NOTIFY_STAGE_STATES, Topic

KEY = "rules"
# A partition further behind than this is late, and not waited for.
LATE_US = 120 * SECOND_US
STORED_EVERY_US = 60 * SECOND_US
# What fires at a time, at most: the state is one record, of which a broker takes 1 MiB.
MOST_CONDITIONS = 5_000
_CODEC = StateCodec(Stored)


class _Said(NamedTuple):
    state: State
    outputs: Outputs


class NotifyStage:
    """Folds ``firings`` into ``notifications``."""

    name = "notify-stage"
    source: Topic = FIRINGS
    states: Topic = NOTIFY_STAGE_STATES

    def key(self, event: Event) -> str:
        """Return the one key there is: rules concern conditions of all fleets."""
        del event
        return KEY

    def initial(self, key: str) -> State:
        """Return a state without rules."""
        del key
        return State(Rules())

    def step(self, state: State, arrived: Arrived) -> tuple[State, Outputs]:
        """Return the state after a condition, a rule or a watermark, and what is to be told."""
        event = arrived.event
        if isinstance(event, ConditionChanged):
            return _taken(state, event)
        if isinstance(event, RuleChanged):
            return _ruled(state, event)
        if isinstance(event, Watermark):
            return _passed(state, event)
        return state, (Rejected("unexpected_event", f"{type(event).__name__} is no event of firings"),)

    def forward(self, arrived: Arrived) -> Outputs:
        """Nothing: every event has the one key."""
        del arrived
        return ()

    def settled(self, state: State) -> bool:
        """Return whether it is time to store the state."""
        return state.until % STORED_EVERY_US < 10 * SECOND_US

    def over(self, state: State) -> bool:
        """Return whether the state can be forgotten: never, it has the rules."""
        del state
        return False

    def encode(self, state: State) -> bytes:
        """Return the state as bytes, packed."""
        kept = Stored(
            state.rules.stored(),
            tuple(stored(group) for _, group in sorted(state.groups.items())),
            tuple(one for _, one in sorted(state.offline.items())),
            state.marks,
            state.until,
        )
        return zstandard.ZstdCompressor(level=LEVEL).compress(_CODEC.encode(kept))

    def decode(self, raw: bytes) -> State:
        """Return the state of ``encode``."""
        try:
            kept = _CODEC.decode(zstandard.ZstdDecompressor().decompress(raw))
        except zstandard.ZstdError as exc:
            raise DecodeError(f"the stored state is damaged: {exc}") from exc
        found = immutables.Map({each.key: restored(each) for each in kept.groups})
        places = {one: group.key for group in found.values() for one in group.firing}
        due = min((group.due for group in found.values()), default=NEVER)
        state = State(
            restored_rules(kept.rules),
            found,
            immutables.Map(places),
            offline=by_id(kept.offline),
            marks=kept.marks,
            until=kept.until,
            due=due,
        )
        for group in found.values():
            for condition in group.firing.values():
                state = with_firing(state, condition)
        for condition in kept.offline:
            state = with_firing(state, condition)
        return state


def _taken(state: State, condition: ConditionChanged) -> tuple[State, Outputs]:
    over = condition.state == "resolved"
    if condition.rule_id == OFFLINE:
        return _offline(state, condition, over=over)
    key = state.places.get(condition.condition_id)
    if key is None:
        if over:
            return state, ()
        if len(state.places) >= MOST_CONDITIONS:
            return state, (
                Rejected("rejected", f"{MOST_CONDITIONS} conditions fire already; this one is not told"),
            )
        key = _group_key(_rule(state, condition.rule_id), condition)
        state = state._replace(places=state.places.set(condition.condition_id, key))
    group = state.groups.get(key) or Group(key, condition.rule_id)
    at = max(group.at, condition.arrived_at)
    if group.due <= at:
        state, before = _looked(state, group, Now(max(group.at, group.due)))
        group = state.groups.get(key) or Group(key, condition.rule_id)
    else:
        before = ()
    if over:
        state, group = _left(state, group, condition, at)
    else:
        group = groups.joined(group, condition)
        state = with_firing(state, condition)
    state, after = _looked(state, group, Now(at, condition))
    state, others = _others(state, condition)
    return state, (*before, *after, *others)


def _left(state: State, group: Group, condition: ConditionChanged, at: int) -> tuple[State, Group]:
    rule = _rule(state, condition.rule_id)
    hushed = (
        rule is None
        or _inhibited(state, condition)
        or bool(quiet_until(rule.document.notify.quiet_hours, at))
    )
    state = without_firing(state, condition)
    state = state._replace(places=state.places.delete(condition.condition_id))
    return state, groups.left(group, condition, hushed=hushed)


def _offline(state: State, condition: ConditionChanged, *, over: bool) -> tuple[State, Outputs]:
    """Take in that a node is offline, or is back: what else is about it waits while it is."""
    known = condition.condition_id in state.offline
    if over and known:
        state = state._replace(offline=state.offline.delete(condition.condition_id))
        state = without_firing(state, condition)
    elif not over:
        state = state._replace(offline=state.offline.set(condition.condition_id, condition))
        state = with_firing(state, condition)
    return _others(state, condition)


def _others(state: State, condition: ConditionChanged) -> tuple[State, Outputs]:
    """Look at the groups that wait for what fires about this node to be over."""
    node = node_key(condition)
    if not node or condition.state != "resolved" or condition.rule_id not in _inhibitors(state):
        return state, ()
    told: list[Output | Rejected] = []
    waiting = [group for group in state.groups.values() if _waits(group, node)]
    for group in sorted(waiting, key=lambda one: one.key):
        state, said = _looked(state, group, Now(max(group.at, condition.arrived_at)))
        told += said
    return state, tuple(told)


def _inhibitors(state: State) -> frozenset[str]:
    """Return the rules that others wait for."""
    if state.rules.index is None:
        named = (name for rule in state.rules.active() for name in rule.document.notify.inhibited_by)
        state.rules.index = frozenset((OFFLINE, *named))
    found: frozenset[str] = state.rules.index
    return found


def _waits(group: Group, node: str) -> bool:
    """Return whether something about a node fires in a group and was not told."""
    return any(one.condition_id not in group.told and node_key(one) == node for one in group.firing.values())


def _ruled(state: State, event: RuleChanged) -> tuple[State, Outputs]:
    """Take in a rule. What is no rule is a dead letter once, however many partitions it came through."""
    changed = state.rules.changed(event, None)
    if changed is None:
        return state, ()
    rules, _ = changed
    state = state._replace(rules=rules)
    in_force = rules.known[event.rule_id].rule
    if not event.deleted and (in_force is None or in_force.revision != event.revision):
        return state, (Rejected("rejected", _why_not(event)),)
    told: list[Output | Rejected] = []
    concerned = [group for group in state.groups.values() if group.rule_id == event.rule_id]
    for group in sorted(concerned, key=lambda one: one.key):
        # It may say now that what waits need not, or for how long.
        state, said = _looked(state, group, Now(max(group.at, state.until)))
        told += said
    return state, tuple(told)


def _why_not(event: RuleChanged) -> str:
    """Return why a revision of a rule is not in force."""
    try:
        compiled(event)
    except ConfigError as exc:
        return str(exc)
    return f"the rule {event.rule_id} has no room: all rules together have {MOST_TEXT:,} characters at most"


def _passed(state: State, mark: Watermark) -> tuple[State, Outputs]:
    """Look at the groups that are due by the time that all partitions have come to."""
    marks = {(one.stage, one.partition): one.passed_at for one in state.marks}
    place = (mark.stage, mark.partition)
    marks[place] = max(marks.get(place, 0), mark.passed_at)
    newest = max(marks.values())
    until = max(state.until, min(at for at in marks.values() if at >= newest - LATE_US))
    kept = tuple(Mark(stage, partition, at) for (stage, partition), at in sorted(marks.items()))
    state = state._replace(marks=kept, until=until)
    if state.due > until:
        return state, ()
    told: list[Output | Rejected] = []
    due = [group for group in state.groups.values() if group.due <= until]
    while due:
        group = min(due, key=lambda one: (one.due, one.key))
        state, said = _looked(state, group, Now(_when(state, group, until)))
        told += said
        due = [one for one in state.groups.values() if one.due <= until]
    soonest = min((group.due for group in state.groups.values()), default=NEVER)
    return state._replace(due=soonest), tuple(told)


def _when(state: State, group: Group, until: int) -> int:
    """Return the time at which a group is due; of several reminders that were missed, the last."""
    at = max(group.at, group.due)
    rule = _rule(state, group.rule_id)
    repeat = round(rule.document.notify.repeat_s * SECOND_US) if rule is not None and group.group_id else 0
    return at + (until - at) // repeat * repeat if repeat else at


def _looked(state: State, group: Group, now: Now) -> _Said:
    group, told = groups.look(group, _rule(state, group.rule_id), now, lambda one: _inhibited(state, one))
    gone = group.is_idle and group.due == NEVER
    if not gone:
        state = state._replace(groups=state.groups.set(group.key, group), due=min(state.due, group.due))
    elif group.key in state.groups:
        state = state._replace(groups=state.groups.delete(group.key))
    return _Said(state, tuple(map(_output, told)))


def _output(notification: NotificationDue) -> Output:
    return Output(NOTIFICATIONS, notification.rule_id, notification)


def _rule(state: State, rule_id: str) -> Rule | None:
    """Return a rule that is in force."""
    known = state.rules.known.get(rule_id)
    rule = known.rule if known is not None else None
    return rule if rule is not None and rule.document.enabled else None


def _group_key(rule: Rule | None, condition: ConditionChanged) -> str:
    """Return which conditions are told together with one."""
    by = rule.document.notify.group_by if rule is not None else ()
    parts = {"fleet": condition.fleet, "node": condition.node_id, "model": condition.model}
    named = (f"{name}={parts[name]}" for name in sorted(parts) if name in by)
    return "\x1f".join((condition.rule_id, *named))


def _inhibited(state: State, condition: ConditionChanged) -> bool:
    """Return whether a condition waits: its node is offline, or a rule fires there that its own names."""
    node = node_key(condition)
    firing = state.nodes.get(node) if node else None
    if firing is None:
        return False
    about_that = any(label.value == "node_offline" for label in condition.labels if label.name == "alert")
    if OFFLINE in firing and not about_that:
        return True
    rule = _rule(state, condition.rule_id)
    named = rule.document.notify.inhibited_by if rule is not None else ()
    return any(name in firing for name in named if name != condition.rule_id)
