"""Which patterns and alerts a question judges, and rules from any of the forms they come in."""

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from processors.fleet.catalog import ALERTS
from processors.patterns.catalog import PATTERNS
from processors.patterns.rules import Rules, kinds_of, of_document, parse
from processors.replay.backtest.answer import Ruled
from processors.replay.backtest.asked import EVERY, Asked, asked, differing
from processors.replay.backtest.labels import Marked
from schemas.errors import ConfigError


def rules_in(value: str | Mapping[str, Any], name: str) -> Ruled:
    """Return the rules of a TOML text, or of plain values of the same shape; ``name`` is for messages.

    Raises:
        ConfigError: they name what there is not, or set it out of its range; every problem is said.
    """
    kinds = kinds_of(PATTERNS), kinds_of(ALERTS)
    return Ruled(
        name, parse(value, name, *kinds) if isinstance(value, str) else of_document(value, name, *kinds)
    )


def chosen(new: Ruled, old: Ruled | None, labels: Marked | None, only: Asked, *, every: bool) -> Asked:
    """Return what is judged: all, what is named, or what differs and what labels are about.

    Raises:
        ConfigError: that is nothing.
    """
    if every:
        return EVERY
    if only:
        return only
    found = differing(new.rules, Rules() if old is None else old.rules)
    found = found if labels is None else found | labels.asked
    if not found:
        against = "the defaults" if old is None else old.name
        raise ConfigError(
            f"{new.name} sets nothing otherwise than {against}, so nothing is left to try: "
            "name patterns and alerts, or ask for all"
        )
    return found


def named(ids: Sequence[str]) -> Asked:
    """Return patterns and alerts by their ids.

    Raises:
        ConfigError: there is no such pattern or alert; all of them are said.
    """
    wrong = [_unknown(id_) for id_ in ids if id_ not in EVERY.patterns and id_ not in EVERY.alerts]
    if wrong:
        raise ConfigError("; ".join(wrong))
    return asked(_among(ids, EVERY.patterns), _among(ids, EVERY.alerts))


def _among(ids: Iterable[str], known: Sequence[str]) -> Iterable[str]:
    return (id_ for id_ in ids if id_ in known)


def _unknown(id_: str) -> str:
    near = get_close_matches(id_, [*EVERY.patterns, *EVERY.alerts], 1)
    return f"there is no pattern or alert {id_!r}" + (f"; did you mean {near[0]}?" if near else "")
