"""The choice: the least seconds; among those as good, the least busy; among those, by the request's id."""

import hashlib
import math
from collections.abc import Collection, Iterable, Mapping, Sequence

from api.router.scoring import context_fit
from api.router.scoring.board import Board, Columns
from api.router.scoring.decision import Decision, Need
from api.router.scoring.row import INDEX
from api.router.scoring.term import RANK_S, Rank

ONLY = "the only one"
SOONEST = "soonest"
LEAST_BUSY = "as soon as others, and less busy"
KNOWN = "as soon as others, and it knows the conversation"
EVEN = "as good as others; by the request's id"
WANT = "for want of better"
EXPLORED = "to explore"
NOTHING = "nothing that has the model can be used"

Away = tuple[tuple[str, str, str, str], ...]


def decide(board: Board, need: Need, excluded: Collection[str], now_s: float, away: Away = ()) -> Decision:
    """Choose a place.

    Args:
        board: the places.
        need: what is known of the request.
        excluded: ids of upstreams that are out of the question.
        now_s: the monotonic clock.
        away: what has the model and is on no board; told, never chosen.
    """
    columns = board.columns[INDEX[need.goal]]
    prompt, output = need.prompt_tokens, need.output_tokens
    costs = [
        fixed + prompt * a_prompt + output * an_output
        for fixed, a_prompt, an_output in zip(columns.fixed, columns.prompt, columns.output, strict=True)
    ]
    if need.saved:
        _save(costs, board, columns, need.saved)
    least = board.least_context
    if least is not None and (prompt > least or (need.num_ctx or 0) > least):
        _fit(costs, board, need)
    if need.wants and not need.wants.isdisjoint(board.lacks):
        _able(costs, board, need.wants)
    for id_ in excluded:
        index = board.index.get(id_)
        if index is not None:
            costs[index] = math.inf
    chosen, reason, propensity = _chosen(costs, board, need)
    return Decision(
        board.policy, need, now_s, board.rows, board.waits[:], board.busy[:], costs,
        chosen, reason, propensity, away,
    )  # fmt: skip


def _save(costs: list[float], board: Board, columns: Columns, saved: Mapping[str, float]) -> None:
    """Take off the time that upstreams need not spend on what they know already."""
    for id_, tokens in saved.items():
        index = board.index.get(id_)
        if index is not None:
            costs[index] -= tokens * columns.prompt[index]


def _fit(costs: list[float], board: Board, need: Need) -> None:
    """Add what a context costs that is too small."""
    for index, one in enumerate(board.rows):
        term = context_fit.rate(one.place, board.policy, need.prompt_tokens, need.num_ctx)
        costs[index] += term.fixed + RANK_S * max(0, term.rank - one.rank)


def _able(costs: list[float], board: Board, wants: frozenset[str]) -> None:
    """Rule out what cannot do what is needed."""
    for index, one in enumerate(board.rows):
        if not wants.isdisjoint(one.place.lacks):
            costs[index] = math.inf


def _chosen(costs: Sequence[float], board: Board, need: Need) -> tuple[int | None, str, float]:
    best = min(costs, default=math.inf)
    if best == math.inf:
        return None, NOTHING, math.nan
    policy = board.policy
    rank = int(best // RANK_S) if best >= 0 else 0
    limit = best + max(policy.tie_s, policy.tie_ratio * (best - rank * RANK_S))
    tied = [index for index, cost in enumerate(costs) if cost <= limit]
    reason = SOONEST if len(costs) > 1 else ONLY
    if len(tied) > 1:
        tied, reason = _narrowed(tied, board, need)
    choice = tied[0] if len(tied) == 1 else tied[_draw(need.request_id) % len(tied)]
    if rank > Rank.GOOD:
        reason = WANT
    if not policy.explore:
        return choice, reason, 1.0 / len(tied)
    return _explored(costs, choice, tied, reason, need, policy.explore, rank)


def _narrowed(tied: list[int], board: Board, need: Need) -> tuple[list[int], str]:
    """Return those among equals that know the conversation and have room, else the least busy."""
    busy = board.busy
    known = [index for id_ in need.saved if (index := board.index.get(id_)) in tied and busy[index] < 1]
    if known:
        return known[-1:], KNOWN
    least = min([busy[index] for index in tied])
    idle = [index for index in tied if busy[index] <= least]
    return idle, LEAST_BUSY if len(idle) == 1 else EVEN


def _explored(
    costs: Iterable[float], choice: int, tied: Sequence[int], reason: str, need: Need, share: float, rank: int
) -> tuple[int, str, float]:
    """Give a share of the requests to any place of the best rank, so that all are learned of."""
    open_ = [index for index, cost in enumerate(costs) if cost < (rank + 1) * RANK_S]
    draw = _draw(f"explore {need.request_id}")
    if (draw & 0xFFFFFFFF) < share * (1 << 32):
        choice, reason = open_[(draw >> 32) % len(open_)], EXPLORED
    usual = (1.0 - share) / len(tied) if choice in tied else 0.0
    return choice, reason, share / len(open_) + usual


def _draw(text: str) -> int:
    """Return a number that is the same for the same text everywhere, and evenly spread over texts."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
