"""Partial panes: what facts and stays come to in ten seconds of one model at one key."""

from collections.abc import Iterable, Iterator, Mapping
from math import fsum
from typing import get_args

from processors.panes import histogram
from processors.requests.facts import (
    CACHED,
    COMPLETION,
    FINISHED,
    FIRST_TOKEN,
    INTER_TOKEN,
    PROMPT,
    QUEUE_WAIT,
    REASONING,
    RECEIVED,
    ROUTED,
    TOTAL,
    TTFT,
)
from processors.requests.ledger import Stay
from processors.requests.state import PANE_US, Fact
from schemas.events.reading import NAN
from schemas.events.request_finished import Outcome
from schemas.events.request_pane import RequestPane
from schemas.ids import derived_id

OUTCOMES: tuple[str, ...] = get_args(Outcome)

# (start of the pane, fleet, model)
Place = tuple[int, str, str]


class Sheet:
    """What goes into one pane, before it is written."""

    __slots__ = ("facts", "in_flight_us", "oldest_silent_us", "open")

    def __init__(self) -> None:
        self.facts: list[Fact] = []
        self.open = 0
        self.in_flight_us = 0
        self.oldest_silent_us = 0


def sheets(facts: Iterable[Fact], stays: Iterable[Stay], closed_until: int, until: int) -> dict[Place, Sheet]:
    """Return what happened in the panes that end by ``until``, by place; those before are revised."""
    found: dict[Place, Sheet] = {}
    for fact in facts:
        place = (start_of(fact.occurred_at), fact.fleet, fact.model)
        found.setdefault(place, Sheet()).facts.append(fact)
    for stay in stays:
        _spread(found, stay, closed_until, until)
    return found


def start_of(occurred_at: int) -> int:
    """Return the start of the pane of a moment."""
    return occurred_at - occurred_at % PANE_US


def _spread(found: dict[Place, Sheet], stay: Stay, closed_until: int, until: int) -> None:
    """Add a stay to the panes it falls in, or take out what an earlier fold put in too much.

    A stay that an earlier fold knew was counted up to ``closed_until``. Where its end comes late, it was
    over before that, and the panes between are corrected by a part that is negative::

        counted        since ───────────────── closed_until
        ended late     since ──── ended
        the correction               ─────────             (-1)
    """
    request = stay.request
    start = max(request.since, closed_until) if stay.counted else request.since
    end = min(stay.until, until) if stay.until else until
    sign = 1
    if end < start:
        start, end, sign = end, start, -1
    for begun in _panes(start, end):
        sheet = found.setdefault((begun, request.fleet, request.model), Sheet())
        ended = begun + PANE_US
        sheet.in_flight_us += sign * (min(end, ended) - max(start, begun))
        if start < ended <= end:
            sheet.open += sign
            if sign > 0 and not 0 < request.progressed_at < ended:
                sheet.oldest_silent_us = max(sheet.oldest_silent_us, ended - request.since)


def _panes(start: int, end: int) -> Iterator[int]:
    """Return the starts of the panes that share some time with [start, end)."""
    return iter(range(start_of(start), end, PANE_US)) if start < end else iter(())


def written(place: Place, sheet: Sheet, *, node_id: str, part: int, revision: int) -> RequestPane:
    """Return the pane of a sheet."""
    started_at, fleet, model = place
    facts = sheet.facts
    ended = [fact for fact in facts if fact.kind == FINISHED]
    outcomes = _by_outcome(ended)
    ttft = [fact.values[0] for fact in facts if fact.kind == FIRST_TOKEN] if node_id else _of(ended, TTFT)
    waits, totals = _of(ended, QUEUE_WAIT), _of(ended, TOTAL)
    return RequestPane._make(
        (
            derived_id("request_pane", part, fleet, node_id, model, started_at, revision),
            node_id,
            fleet,
            model,
            started_at + PANE_US,
            started_at,
            part,
            revision,
            _count(facts, RECEIVED),
            _count(facts, ROUTED),
            float(sum(1 for fact in facts if fact.kind == ROUTED and fact.attempt > 1)),
            _count(facts, FIRST_TOKEN),
            *(float(outcomes[outcome]) for outcome in OUTCOMES),
            float(sheet.open),
            sheet.in_flight_us / 1e6,
            sheet.oldest_silent_us / 1e6,
            *(_reported(_of(ended, place)) for place in (PROMPT, COMPLETION, CACHED, REASONING)),
            fsum(_known(ttft)),
            float(len(_known(ttft))),
            fsum(_known(waits)),
            fsum(_known(totals)),
            histogram.fold(ttft),
            histogram.fold(_of(ended, INTER_TOKEN)),
            histogram.fold(waits),
            histogram.fold(totals),
        )
    )


def _by_outcome(ended: Iterable[Fact]) -> Mapping[str, int]:
    counts = dict.fromkeys(OUTCOMES, 0)
    for fact in ended:
        counts[fact.outcome] += 1
    return counts


def _count(facts: Iterable[Fact], kind: int) -> float:
    return float(sum(1 for fact in facts if fact.kind == kind))


def _of(ended: Iterable[Fact], place: int) -> list[float]:
    return [fact.values[place] for fact in ended]


def _known(values: Iterable[float]) -> list[float]:
    return [value for value in values if value == value]


def _reported(values: list[float]) -> float:
    """Return a sum of tokens: NaN where requests ended and none of them reported any, never a made-up 0."""
    known = _known(values)
    return fsum(known) if known or not values else NAN
