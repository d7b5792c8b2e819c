"""One choice with all that it was made from. What it says in words or rows is worked out when it is asked."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from api.router.abilities import ABLE, in_words
from api.router.ask import Goal
from api.router.lifecycle.decision import Explanation
from api.router.scoring import context_fit
from api.router.scoring.evidence import PACKER, Evidence, Seen, candidate, explained, line
from api.router.scoring.policy import Policy
from api.router.scoring.row import INDEX, Row
from api.router.scoring.term import RANK_S, Term
from schemas.events.request_routed import Candidate

MOST_CANDIDATES = 16
"""Candidates that the facts keep of one decision: the best, and the first of those out of the question."""


class Need(NamedTuple):
    """What a choice must know of a request.

    Attributes:
        request_id: breaks ties.
        goal: what it favours.
        prompt_tokens: an estimate.
        output_tokens: of the answer, expected.
        num_ctx: context that it asks for.
        saved: tokens of the prompt that upstreams are expected to know already.
        wants: what it needs beyond words; see ``api.router.abilities``.
    """

    request_id: str
    goal: Goal
    prompt_tokens: int
    output_tokens: float
    num_ctx: int | None = None
    saved: Mapping[str, float] = {}
    wants: frozenset[str] = ABLE


class Decision(NamedTuple):
    """Where a request goes, and why.

    A named tuple, not a frozen dataclass: there is one for each request, and of so many fields it is made
    three times as fast.

    Attributes:
        policy: what decided.
        need: of the request.
        at_s: when; monotonic seconds. Ages count from here.
        rows: the places, as rated.
        waits: seconds that each place's load costs.
        busy: requests for each of its slots.
        costs: seconds of each place, by which it was chosen; infinite where it was out of the question.
        chosen: index of the choice; None where every place was out of the question.
        reason: what decided, in a few words.
        propensity: 0..1, how likely the policy was to choose this one, over all ids a request may have.
        away: upstreams that have the model and get nothing, and why: node, runtime, model, reason.
        shadow: what a second policy would have chosen.
    """

    policy: Policy
    need: Need
    at_s: float
    rows: Sequence[Row]
    waits: Sequence[float]
    busy: Sequence[float]
    costs: Sequence[float]
    chosen: int | None
    reason: str
    propensity: float
    away: tuple[tuple[str, str, str, str], ...] = ()
    shadow: "Decision | None" = None

    @property
    def score(self) -> float:
        """The choice's: minus the seconds it is expected to cost. NaN: there is none."""
        return math.nan if self.chosen is None else -math.fmod(self.costs[self.chosen], RANK_S)

    @property
    def node_id(self) -> str:
        """Where it goes; empty where there is nothing."""
        return "" if self.chosen is None else self.rows[self.chosen].place.node_id

    def explain(self) -> Explanation:
        """Return it as the facts have it."""
        return explained(self.evidence())

    def evidence(self) -> Evidence:
        """Return what it is explained by, for a process that has the time."""
        shadow, need = self.shadow, self.need
        order = self._order()[:MOST_CANDIDATES]
        return Evidence(
            self.policy.name,
            self.policy.version,
            self.propensity,
            shadow.policy.name if shadow else "",
            shadow.node_id if shadow else "",
            self.places,
            need.prompt_tokens,
            need.output_tokens,
            self.at_s,
            tuple([self._seen(index) for index in order]),
            self.away[: MOST_CANDIDATES - len(order)],
        )

    @property
    def places(self) -> int:
        """How many were considered, those that are away included."""
        return len(self.rows) + len(self.away)

    @property
    def lacking(self) -> frozenset[str]:
        """What of the need no place can give; empty where any can, be it out of the question otherwise."""
        lacking = [one.place.lacks & self.need.wants for one in self.rows]
        return ABLE.union(*lacking) if lacking and all(lacking) else ABLE

    def candidates(self) -> tuple[Candidate, ...]:
        """Return the places, best first, then those that were out of the question."""
        found = [self._candidate(index) for index in self._order()]
        found += (
            Candidate(node, runtime, model, reason, math.nan, math.nan, ())
            for node, runtime, model, reason in self.away
        )
        return tuple(found)

    def _order(self) -> list[int]:
        """Return the places, the choice first, then by their costs."""
        order = sorted(range(len(self.rows)), key=lambda index: (self.costs[index], index))
        if self.chosen is not None:
            order.remove(self.chosen)
            order.insert(0, self.chosen)
        return order

    def in_words(self) -> str:
        """Return why, in one sentence with the figures that decided."""
        if self.chosen is None:
            return self.reason
        best, *others = self.candidates()
        told = f"{best.node_id}: {self.reason}; {best.estimate_s:.2f} s expected ({_parts(best)})"
        other = next((one for one in others if not one.excluded), None)
        if other is not None:
            told += f"; next {other.node_id}, {other.estimate_s:.2f} s ({_parts(other)})"
        return told

    def signals(self, index: int) -> tuple[Term, ...]:
        """Return what each signal said of a place, those that depend on the request included."""
        one = self.rows[index]
        return (
            Term("wait", self.busy[index], self.waits[index], seen_s=one.place.condition.seen_s),
            *one.terms,
            one.efficiency[INDEX[self.need.goal]],
            *self._own(one),
        )

    def _own(self, one: Row) -> tuple[Term, ...]:
        """Return what signals say that depend on the request."""
        need = self.need
        fit = context_fit.rate(one.place, self.policy, need.prompt_tokens, need.num_ctx)
        saved = need.saved.get(one.place.upstream, 0.0)
        if not saved:
            return (fit,)
        return (fit, Term("affinity", saved, -saved * one.sums[INDEX[need.goal]].prompt))

    def _candidate(self, index: int) -> Candidate:
        place, need = self.rows[index].place, self.need
        ids = place.node_id, place.runtime_id, place.model
        lines = map(line, self.signals(index))
        return candidate(ids, self._why_not(index), lines, need.prompt_tokens, need.output_tokens, self.at_s)

    def _seen(self, index: int) -> Seen:
        one = self.rows[index]
        row = PACKER.packed(one, INDEX[self.need.goal])
        own = tuple([line(term) for term in self._own(one)])
        return Seen(row, self._why_not(index), self.busy[index], self.waits[index], own)

    def _why_not(self, index: int) -> str:
        """Return why a place was out of the question; empty where it was not."""
        if self.costs[index] < math.inf:
            return ""
        lacking = self.rows[index].place.lacks & self.need.wants
        return in_words(lacking) if lacking else "failed this request, broken, or paused"


def _parts(candidate: Candidate) -> str:
    """Name what makes up most of a candidate's time."""
    most = sorted(candidate.signals, key=lambda signal: signal.score)[:3]
    return ", ".join(f"{signal.name} {-signal.score:.2f} s" for signal in most if signal.score < 0)
