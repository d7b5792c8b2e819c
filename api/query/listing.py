"""Lists of observations and alerts: what is asked for, in which order, page by page."""

import base64
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from api.query.finding import SEVERITIES, STATES, Finding, State, concerns, id_of, is_over, state_of, what_of

DEFAULT_STATES = "open,acknowledged"
MOST = 500
"""Most findings on one page."""


class Cursor(NamedTuple):
    """The last one of a page: the newest onset comes first, and of equal onsets the least id."""

    onset_at: int
    id: str


@dataclass(frozen=True, slots=True)
class Filter:
    """What is asked for; empty: any. Times are µs since the epoch; ``last`` is exclusive, 0: no end.

    A finding is in a range of time when it stood at some moment of it.
    """

    states: Collection[State]
    node_id: str = ""
    fleet: str = ""
    what: str = ""
    severities: Collection[str] = SEVERITIES
    first: int = 0
    last: int = 0

    def lets(self, finding: Finding, now: int) -> bool:
        """Tell whether a finding, as it is at ``now``, is asked for."""
        return (
            state_of(finding, now) in self.states
            and finding.severity in self.severities
            and self.fleet in ("", finding.fleet)
            and self.what in ("", what_of(finding))
            and (not self.node_id or concerns(finding, self.node_id))
            and (not self.last or finding.onset_at < self.last)
            and not (is_over(finding) and finding.occurred_at < self.first)
        )


def states(text: str) -> frozenset[State]:
    """Return the states that a text names, separated by commas; ``all`` is every one.

    Raises:
        ValueError: one is none.
    """
    if text == "all":
        return frozenset(STATES)
    chosen = {state for state in STATES if state in _named(text)}
    _refuse_others(_named(text), STATES, "state", "all")
    return frozenset(chosen)


def severities(text: str) -> frozenset[str]:
    """Return the severities that a text names, separated by commas; empty: every one.

    Raises:
        ValueError: one is none.
    """
    if not text:
        return frozenset(SEVERITIES)
    _refuse_others(_named(text), SEVERITIES, "severity")
    return frozenset(_named(text))


def write_cursor(finding: Finding) -> str:
    """Return where a page ends, as one word."""
    return base64.urlsafe_b64encode(f"{finding.onset_at}:{id_of(finding)}".encode()).decode().rstrip("=")


def read_cursor(text: str) -> Cursor:
    """Return what ``write_cursor`` wrote.

    Raises:
        ValueError: the text is no cursor.
    """
    try:
        plain = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True).decode()
    except ValueError as exc:
        raise ValueError("the cursor is none of ours: leave it out to begin anew") from exc
    onset, _, finding_id = plain.partition(":")
    if not (onset.isascii() and onset.isdecimal() and len(onset) < 19 and finding_id):
        raise ValueError("the cursor is none of ours: leave it out to begin anew")
    return Cursor(int(onset), finding_id)


def page(
    standing: Iterable[Finding], past: Iterable[Finding], after: Cursor | None, most: int
) -> tuple[Sequence[Finding], str | None]:
    """Return one page, and the cursor of the next one where there is more.

    ``past`` may name some that stand: what stands is newer.
    """
    found = {id_of(each): each for each in past} | {id_of(each): each for each in standing}
    ordered = sorted(found.values(), key=_place)
    if after is not None:
        ordered = [each for each in ordered if _place(each) > (-after.onset_at, after.id)]
    return ordered[:most], write_cursor(ordered[most - 1]) if len(ordered) > most else None


def _place(finding: Finding) -> tuple[int, str]:
    return -finding.onset_at, id_of(finding)


def _named(text: str) -> list[str]:
    return [part.strip() for part in text.split(",")]


def _refuse_others(named: Iterable[str], known: Sequence[str], what: str, *more: str) -> None:
    for name in named:
        if name not in known:
            raise ValueError(f"{name!r} is no {what}: there are {', '.join((*known, *more))}")
