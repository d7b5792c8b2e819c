"""A notification in words: its title, its lines, and what it says of the group."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from processors.rules.notify.state import Group
from schemas.events.condition_changed import ConditionChanged
from schemas.events.notification_due import NotificationDue, NotificationKind, NotifiedCondition
from schemas.events.observation import Severity
from schemas.ids import derived_id

MOST_CONDITIONS = 50
MOST_NODES = 200
_SEVERITIES: tuple[Severity, ...] = ("info", "warning", "critical")
_NAMED = 3


class Occasion(NamedTuple):
    """Why something is told now. ``occurred_at`` is event time, ``arrived_at`` log time, µs.

    ``held_us``: for how long it was held back, by ``held_by``.
    """

    kind: NotificationKind
    occurred_at: int
    arrived_at: int
    held_us: int = 0
    held_by: str = ""


def notification(group: Group, conditions: Sequence[ConditionChanged], occasion: Occasion) -> NotificationDue:
    """Return what is told of a group: ``conditions`` are those that fire and those that ended, in order."""
    first = conditions[0]
    severity = max((one.severity for one in conditions), key=_SEVERITIES.index)
    nodes = tuple(sorted({one.node_id for one in conditions if one.node_id}))
    fleets = {one.fleet for one in conditions}
    return NotificationDue(
        derived_id("notification_due", group.group_id, group.revision),
        group.group_id,
        group.revision,
        occasion.kind,
        group.rule_id,
        first.rule_name,
        severity,
        fleets.pop() if len(fleets) == 1 else "",
        nodes[:MOST_NODES],
        group.channels,
        _title(occasion.kind, severity, first.rule_name, nodes or (first.fleet,)),
        _text(conditions),
        tuple(map(_said, conditions[:MOST_CONDITIONS])),
        occasion.occurred_at,
        min(one.onset_at for one in conditions),
        occasion.arrived_at,
        occasion.held_us / 1e6,
        occasion.held_by,
        False,
    )


def ordered(conditions: Iterable[ConditionChanged]) -> list[ConditionChanged]:
    """Return conditions as they are told: what fires first, the worst and oldest before others."""
    return sorted(conditions, key=_rank)


def _rank(one: ConditionChanged) -> tuple[bool, int, int, str]:
    return one.state == "resolved", -_SEVERITIES.index(one.severity), one.onset_at, one.condition_id


def _title(kind: NotificationKind, severity: Severity, name: str, nodes: Sequence[str]) -> str:
    mark = {"resolved": "resolved", "reminder": f"still {severity}"}.get(kind, severity)
    more = f" and {len(nodes) - _NAMED} more" if len(nodes) > _NAMED else ""
    return f"[{mark}] {name}: {', '.join(nodes[:_NAMED])}{more}"


def _text(conditions: Sequence[ConditionChanged]) -> str:
    lines = [_line(one) for one in conditions[:MOST_CONDITIONS]]
    if len(conditions) > MOST_CONDITIONS:
        lines.append(f"and {len(conditions) - MOST_CONDITIONS} more")
    return "\n".join(lines)


def _line(one: ConditionChanged) -> str:
    return f"{one.text} (over: {one.reason.replace('_', ' ')})" if one.state == "resolved" else one.text


def _said(one: ConditionChanged) -> NotifiedCondition:
    return NotifiedCondition(
        one.condition_id,
        one.node_id,
        one.model,
        "resolved" if one.state == "resolved" else "firing",
        one.value,
        one.threshold,
        one.was,
        one.now,
        one.text,
        one.onset_at,
    )
