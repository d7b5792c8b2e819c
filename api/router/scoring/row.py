"""All that the signals say of one place, and its sums for each goal."""

from typing import NamedTuple

from api.router.ask import Goal
from api.router.scoring import (
    answering,
    decode,
    efficiency,
    freshness,
    hint,
    kv_headroom,
    load,
    memory_fit,
    prefill,
    thermal,
)
from api.router.scoring.efficiency import Standard
from api.router.scoring.place import Place
from api.router.scoring.policy import Policy
from api.router.scoring.service import service_s
from api.router.scoring.term import Rank, Term

TIME = frozenset({"load", "prefill", "decode", "wait", "affinity", "context_fit"})
"""Signals that are expected time; the others say how much a place is to be avoided."""


class Sums(NamedTuple):
    """Seconds of all terms together."""

    fixed: float
    prompt: float
    output: float


class Row(NamedTuple):
    """One place, rated; ``efficiency`` and ``sums`` are by goal, in the order of ``GOALS``."""

    place: Place
    service_s: float
    rank: Rank
    terms: tuple[Term, ...]
    efficiency: tuple[Term, ...]
    sums: tuple[Sums, ...]


GOALS = tuple(Goal)
INDEX = {goal: index for index, goal in enumerate(GOALS)}


def rate(place: Place, policy: Policy, against: Standard, now_s: float) -> Row:
    """Ask every signal that does not depend on the request."""
    terms = (
        load.rate(place, policy),
        prefill.rate(place, policy),
        decode.rate(place, policy),
        memory_fit.rate(place, policy),
        kv_headroom.rate(place, policy),
        thermal.rate(place, policy),
        hint.rate(place, policy),
        freshness.rate(place, policy, now_s),
        answering.rate(place),
    )
    by_goal = tuple(efficiency.rate(place, policy, policy.efficiency(goal), against, now_s) for goal in GOALS)
    fixed, prompt, output = (
        sum(term.fixed for term in terms),
        sum(term.prompt for term in terms),
        sum(term.output for term in terms),
    )
    return Row(
        place,
        service_s(place, policy),
        max(term.rank for term in terms),
        terms,
        by_goal,
        tuple(Sums(fixed + one.fixed, prompt + one.prompt, output + one.output) for one in by_goal),
    )
