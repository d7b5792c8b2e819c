"""One group of conditions: when it is told that it opened, changed, goes on and is over.

::

    firing      ────┐        ┌──┐     ┌───────────────┐
                    └────────┘  └─────┘               └────
    told      opened resolved          opened     resolved
    cooldown  ├──────────────────────►│
                             the one in between is told at the end of it, as one that came and went

Whatever fires is told sooner or later, however short it was; only quiet hours and an inhibition let pass what
is over before they are. What was told to be open is told to be over, at once, to the same channels.
"""

from collections.abc import Callable
from typing import NamedTuple

from processors.rules.notify.quiet import quiet_until
from processors.rules.notify.state import NEVER, NONE, NOTHING_TOLD, Group
from processors.rules.notify.telling import Occasion, notification, ordered
from processors.rules.rule import SECOND_US, Rule
from schemas.events.condition_changed import ConditionChanged
from schemas.events.notification_due import NotificationDue
from schemas.ids import derived_id

Told = tuple[NotificationDue, ...]
Inhibited = Callable[[ConditionChanged], bool]


class Held(NamedTuple):
    """Why and until when a group is not told of; ``until`` NEVER: until something else happens."""

    by: str
    until: int


class Now(NamedTuple):
    """The time at which a group is looked at, log time, µs; and the condition that is the cause, if any."""

    at: int
    cause: ConditionChanged | None = None


def joined(group: Group, condition: ConditionChanged) -> Group:
    """Return the group in which a condition fires, or fires otherwise than before."""
    return group._replace(firing=group.firing.set(condition.condition_id, condition))


def left(group: Group, condition: ConditionChanged, *, hushed: bool) -> Group:
    """Return the group in which a condition is over. ``hushed``: it need not be told if it was not yet."""
    firing = group.firing.delete(condition.condition_id)
    if hushed and condition.condition_id not in group.told:
        return group._replace(firing=firing)
    return group._replace(firing=firing, ended=group.ended.set(condition.condition_id, condition))


def look(group: Group, rule: Rule | None, now: Now, inhibited: Inhibited) -> tuple[Group, Told]:
    """Return the group after it was looked at, and what is to be told of it now.

    ``rule`` None: it was deleted or disabled, so nothing is opened by it any more.
    """
    group = group._replace(at=max(group.at, now.at), due=NEVER)
    if group.group_id:
        return _open(group, rule, now, inhibited)
    if rule is None:
        return _forgotten(group._replace(ended=NONE), now), ()
    visible = any(not inhibited(one) for one in group.firing.values())
    if not visible and not group.ended:
        hidden = bool(group.firing)
        return _forgotten(_held(group, Held("inhibited", NEVER), now) if hidden else group, now), ()
    held = _held_back(group, rule, now)
    if held is not None:
        if held.by == "quiet_hours":
            group = group._replace(ended=NONE)
            if not visible:
                return _forgotten(group, now), ()
        return _held(group, held, now), ()
    return _opened(group, rule, now, [one for one in group.firing.values() if not inhibited(one)])


def _held_back(group: Group, rule: Rule, now: Now) -> Held | None:
    """Return what keeps a group from being opened."""
    notify = rule.document.notify
    wait_us = round(notify.group_wait_s * SECOND_US)
    begun = group.since or now.at
    if group.held_by in ("", "group") and now.at < begun + wait_us:
        return Held("group", begun + wait_us)
    if now.at < group.cool_at:
        return Held("cooldown", group.cool_at)
    until = quiet_until(notify.quiet_hours, now.at)
    return Held("quiet_hours", until) if until else None


def _held(group: Group, held: Held, now: Now) -> Group:
    return group._replace(since=group.since or now.at, held_by=held.by, due=held.until)


def _opened(group: Group, rule: Rule, now: Now, visible: list[ConditionChanged]) -> tuple[Group, Told]:
    conditions = ordered([*visible, *group.ended.values()])
    first = min(conditions, key=lambda one: (one.onset_at, one.condition_id))
    group = group._replace(
        group_id=derived_id("group", group.key, first.condition_id),
        revision=0,
        channels=rule.document.notify.channels,
        cool_at=now.at + round(rule.document.notify.cooldown_s * SECOND_US),
    )
    opened = notification(group, conditions, _occasion("opened", group, now))
    group = _told(group, now, visible)
    if visible:
        return _next(group, rule), (opened,)
    over = notification(group, conditions, _occasion("resolved", group, now))
    return _closed(group, now), (opened, over)


def _open(group: Group, rule: Rule | None, now: Now, inhibited: Inhibited) -> tuple[Group, Told]:
    """Look at a group that was told to be open. One of thousands is only gone through when it may be told."""
    free_at = _free_at(group, rule) if rule is not None else 0
    if now.cause is not None and now.at < free_at and any(one in group.told for one in group.firing):
        return _held(group, Held("cooldown", free_at), now), ()
    visible = [one for one in group.firing.values() if one.condition_id in group.told or not inhibited(one)]
    conditions = ordered([*visible, *group.ended.values()])
    if not visible:
        over = notification(group, conditions, _occasion("resolved", group, now))
        return _closed(_told(group, now, []), now), (over,)
    if rule is None:
        return group, ()
    if group.ended or any(_is_news(group, one) for one in visible):
        return _changed(group, rule, now, conditions, visible)
    if rule.document.notify.repeat_s and now.at >= group.told_at + round(
        rule.document.notify.repeat_s * SECOND_US
    ):
        return _reminded(group, rule, now, conditions, visible)
    return _next(group._replace(since=0, held_by=""), rule), ()


def _free_at(group: Group, rule: Rule) -> int:
    """Return when an open group may be told of again."""
    notify = rule.document.notify
    return group.told_at + round(max(notify.cooldown_s, notify.group_wait_s) * SECOND_US)


def _is_news(group: Group, condition: ConditionChanged) -> bool:
    """Return whether a condition fires that was not told, or was told otherwise."""
    return group.told.get(condition.condition_id) != condition.revision


def _changed(
    group: Group, rule: Rule, now: Now, conditions: list[ConditionChanged], visible: list[ConditionChanged]
) -> tuple[Group, Told]:
    notify = rule.document.notify
    free_at = _free_at(group, rule)
    until = free_at if now.at < free_at else quiet_until(notify.quiet_hours, now.at)
    if until:
        return _held(group, Held("cooldown" if until == free_at else "quiet_hours", until), now), ()
    updated = notification(group, conditions, _occasion("updated", group, now))
    group = group._replace(cool_at=now.at + round(notify.cooldown_s * SECOND_US))
    return _next(_told(group, now, visible), rule), (updated,)


def _reminded(
    group: Group, rule: Rule, now: Now, conditions: list[ConditionChanged], visible: list[ConditionChanged]
) -> tuple[Group, Told]:
    until = quiet_until(rule.document.notify.quiet_hours, now.at)
    if until:
        return group._replace(due=until), ()
    reminder = notification(group, conditions, Occasion("reminder", now.at, now.at))
    return _next(_told(group, now, visible), rule), (reminder,)


def _occasion(kind: str, group: Group, now: Now) -> Occasion:
    """Say why it is told now: because of a condition, or because it need not be held back any longer."""
    cause = now.cause
    held = bool(group.since) and kind != "resolved"
    occurred_at = now.at if cause is None else cause.occurred_at
    return Occasion(
        kind,  # type: ignore[arg-type] # one of the kinds
        occurred_at,
        now.at if cause is None else cause.arrived_at,
        now.at - group.since if held else 0,
        group.held_by if held else "",
    )


def _told(group: Group, now: Now, visible: list[ConditionChanged]) -> Group:
    told = NOTHING_TOLD.update({one.condition_id: one.revision for one in visible})
    return group._replace(
        revision=group.revision + 1, told=told, ended=NONE, told_at=now.at, since=0, held_by=""
    )


def _next(group: Group, rule: Rule) -> Group:
    """Return the group with the time of its next reminder."""
    repeat_us = round(rule.document.notify.repeat_s * SECOND_US)
    return group._replace(due=group.told_at + repeat_us if repeat_us else NEVER)


def _closed(group: Group, now: Now) -> Group:
    """Return the group after it was told that it is over; what is left in it is inhibited."""
    group = group._replace(group_id="", revision=0, channels=(), told=NOTHING_TOLD)
    return _held(group, Held("inhibited", NEVER), now) if group.firing else _forgotten(group, now)


def _forgotten(group: Group, now: Now) -> Group:
    """Return a group of which nothing is to be told with the time at which it need not be known any more."""
    if not group.is_idle:
        return group
    return group._replace(since=0, held_by="", due=group.cool_at if group.cool_at > now.at else NEVER)
