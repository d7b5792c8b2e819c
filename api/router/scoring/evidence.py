"""What a choice was made from, as plain values: another process works out what is told of it.

What the signals say of a place changes a few times a second at most; it is packed once, and then sent with
every choice as it is.
"""

import marshal
import math
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from api.router.lifecycle.decision import Explanation
from api.router.scoring.row import TIME, Row
from schemas.events.request_routed import Candidate, Signal

_MOST_ROWS = 4096
_PLAIN = 2
"""A version of marshal that does not look for values that come twice: it is twice as fast."""

_new: Any = tuple.__new__  # a named tuple of values that are in order already

Line = Sequence[Any]
"""Of a term: its name, value, fixed, prompt, output and seen_s."""


class Seen(NamedTuple):
    """One place.

    Attributes:
        row: what ``packed`` made of its row.
        excluded: why it was out of the question.
        busy: requests for each of its slots.
        waits: seconds that its load costs.
        own: lines of what else depends on the request.
    """

    row: bytes
    excluded: str
    busy: float
    waits: float
    own: tuple[Line, ...]


class Evidence(NamedTuple):
    """All that a decision is explained by; ``seen`` and ``away`` are the candidates, best first.

    ``prompt`` and ``output`` are tokens, ``at_s`` monotonic seconds. The rest is as in ``Explanation``.
    """

    policy: str
    policy_version: str
    propensity: float
    shadow_policy: str
    shadow_node_id: str
    places: int
    prompt: float
    output: float
    at_s: float
    seen: tuple[Seen, ...]
    away: tuple[tuple[str, str, str, str], ...]

    def plain(self) -> tuple[Any, ...]:
        """Return it as tuples of plain values."""
        *others, seen, away = self
        return (*others, tuple([tuple(one) for one in seen]), tuple(away))


def from_plain(values: Sequence[Any]) -> Evidence:
    """Return what ``plain`` was made of."""
    *others, seen, away = values
    found: Evidence = _new(Evidence, (*others, tuple([_new(Seen, one) for one in seen]), away))
    return found


def explained(evidence: Evidence) -> Explanation:
    """Return why, as the facts have it."""
    prompt, output, at_s = evidence.prompt, evidence.output, evidence.at_s
    candidates = []
    for row, excluded, busy, waits, own in evidence.seen:
        ids, seen_s, lines = _unpacked(row)
        told = (("wait", busy, waits, 0.0, 0.0, seen_s), *lines, *own)
        candidates.append(candidate(ids, excluded, told, prompt, output, at_s))
    for node, runtime, model, reason in evidence.away:
        candidates.append(Candidate(node, runtime, model, reason, math.nan, math.nan, ()))
    return Explanation(*evidence[:5], tuple(candidates), evidence.places)


def candidate(
    ids: Sequence[str], excluded: str, lines: Iterable[Line], prompt: float, output: float, at_s: float
) -> Candidate:
    """Return a place as the facts have it: ``ids`` are its node, runtime and model."""
    signals: list[Signal] = []
    total_s = time_s = 0.0
    for name, value, fixed, a_prompt, an_output, seen_s in lines:
        score = -(fixed + a_prompt * prompt + an_output * output)
        total_s += score
        if name in TIME:
            time_s += score
        signals.append(_new(Signal, (name, value, score, at_s - seen_s)))
    node_id, runtime_id, model = ids
    return Candidate(node_id, runtime_id, model, excluded, total_s, -time_s, tuple(signals))


class Packer:
    """Packs rows, each once for each goal as long as it is the same."""

    def __init__(self) -> None:
        self._packed: dict[tuple[int, int], tuple[Row, bytes]] = {}

    def packed(self, row: Row, goal: int) -> bytes:
        """Return what does not depend on the request: the place's names and what its signals say."""
        key = id(row), goal
        known = self._packed.get(key)
        if known is not None and known[0] is row:
            return known[1]
        if len(self._packed) >= _MOST_ROWS:
            self._packed.clear()
        place = row.place
        lines = tuple([line(term) for term in (*row.terms, row.efficiency[goal])])
        told: Any = ((place.node_id, place.runtime_id, place.model), place.condition.seen_s, lines)
        made = marshal.dumps(told, _PLAIN)
        self._packed[key] = row, made
        return made


def line(term: Sequence[Any]) -> Line:
    """Return a term without its rank, as a plain tuple."""
    return tuple(term[:-1])


@lru_cache(maxsize=_MOST_ROWS)
def _unpacked(row: bytes) -> tuple[Sequence[str], float, Sequence[Line]]:
    found: tuple[Sequence[str], float, Sequence[Line]] = marshal.loads(row)
    return found


PACKER = Packer()
"""Of this process: rows are shared by the choices of all requests."""
