"""The rules a stage knows: the newest revision of each, those of other sources and deleted ones as graves."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import immutables

from processors.rules.rule import Rule, compiled
from schemas.errors import ConfigError
from schemas.events.rule_changed import RuleChanged
from schemas.rule_fields import Source

# Characters of all rules together. A state is one record, of which a broker takes 1 MiB; packed, rules are a
# seventh of their size at worst, and the rest is for what fires and what was read.
MOST_TEXT = 3_000_000
# Of zstd, for states: levels above take several times the time for a few percent.
LEVEL = 3


class Known(NamedTuple):
    """The newest revision of a rule that was seen, and the rule in force.

    ``rule`` None: deleted, or of another source. It is older than ``revision`` where that is no rule.
    """

    revision: int
    rule: Rule | None


class StoredRule(NamedTuple):
    """A rule in the bytes of a state; ``text`` is empty where there is nothing to judge by."""

    rule_id: str
    revision: int
    in_force: int
    text: str


class Turnover(NamedTuple):
    """What a rule was and is. ``reason``: why what fires by the old one is over; empty: it goes on."""

    before: Rule | None
    after: Rule | None
    reason: str


class Rules:
    """An immutable set of rules, with so many characters.

    ``index`` is where a judge keeps what it has made of them: no two stages share one, not even an empty one.
    """

    __slots__ = ("characters", "index", "known")

    def __init__(self, known: "immutables.Map[str, Known] | None" = None, characters: int = 0) -> None:
        self.known: immutables.Map[str, Known] = immutables.Map() if known is None else known
        self.characters = characters
        self.index: Any = None

    def active(self) -> list[Rule]:
        """Return the rules that are judged, by id."""
        found = (one.rule for _, one in sorted(self.known.items()))
        return [rule for rule in found if rule is not None and rule.document.enabled]

    def changed(self, event: RuleChanged, source: Source | None) -> "tuple[Rules, Turnover] | None":
        """Return the rules after an event, and what that means; None where it is not new.

        An event comes more than once, as it is written to every partition. A revision that is no rule, or has
        no room, is remembered and changes nothing: the one before stays in force. ``source`` None: of
        whatever source.
        """
        before = self.known.get(event.rule_id, Known(0, None))
        if event.revision <= before.revision:
            return None
        rule, reason = _in_force(before.rule, event, source)
        characters = self.characters + _size(rule) - _size(before.rule)
        if characters > max(MOST_TEXT, self.characters):
            rule, reason, characters = before.rule, "", self.characters
        after = Rules(self.known.set(event.rule_id, Known(event.revision, rule)), characters)
        if rule is before.rule:
            after.index = self.index  # nothing that is judged has changed
        return after, Turnover(before.rule, rule, reason)

    def stored(self) -> tuple[StoredRule, ...]:
        """Return the rules as they are stored, by id."""
        return tuple(
            StoredRule(rule_id, one.revision, one.rule.revision, one.rule.text)
            if one.rule is not None
            else StoredRule(rule_id, one.revision, 0, "")
            for rule_id, one in sorted(self.known.items())
        )


def restored(stored: Iterable[StoredRule]) -> Rules:
    """Return the rules of ``Rules.stored``."""
    known = {one.rule_id: Known(one.revision, compiled(_event(one)) if one.text else None) for one in stored}
    return Rules(immutables.Map(known), sum(_size(one.rule) for one in known.values()))


def _size(rule: Rule | None) -> int:
    return len(rule.text) if rule is not None else 0


def _event(stored: StoredRule) -> RuleChanged:
    return RuleChanged("", 0, stored.rule_id, stored.in_force, False, "", stored.text)


def _in_force(before: Rule | None, event: RuleChanged, source: Source | None) -> tuple[Rule | None, str]:
    """Return the rule that an event leaves in force, and why what fires by the one before is over."""
    try:
        rule = None if event.deleted else compiled(event)
    except ConfigError:
        return before, ""
    if rule is not None and source not in (None, rule.document.source):
        rule = None
    return rule, _over_because(before, rule, event)


def _over_because(before: Rule | None, after: Rule | None, event: RuleChanged) -> str:
    if before is None:
        return ""
    if event.deleted:
        return "rule_deleted"
    if after is not None and after.judged == before.judged:
        return ""
    disabled = after is not None and not after.document.enabled and before.document.enabled
    return "rule_disabled" if disabled else "rule_changed"
