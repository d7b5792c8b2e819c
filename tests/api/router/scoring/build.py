"""Builders of places, boards and needs."""

from collections.abc import Mapping, Sequence
from typing import Any

from api.router.ask import Goal
from api.router.scoring.board import Board, Load
from api.router.scoring.decide import decide
from api.router.scoring.decision import Decision, Need
from api.router.scoring.place import Condition, Place, Speed
from api.router.scoring.policy import Policy
from schemas.settings import PolicySettings

GB = 1e9
FREE = Load(0, 4)


def policy(**told: Any) -> Policy:
    return Policy.of(PolicySettings(**told))


POLICY = policy()


def condition(**told: Any) -> Condition:
    """Return a cool node whose state came at the time 0."""
    return Condition(**{"seen_s": 0.0, "expected": True, "thermal": "normal", **told})


def place(upstream: str = "a", **told: Any) -> Place:
    """Return a loaded model on a cool node: 1 s for a request of 100 tokens and an answer of 90."""
    usual: dict[str, Any] = {
        "node_id": f"node-{upstream}",
        "runtime_id": "vllm:8000",
        "model": "m",
        "condition": condition(),
        "speed": Speed(0.05, 0.0005, 0.01, 1.0, 10.0, 0.0),
    }
    return Place(upstream, **{**usual, **told})


def board(
    places: Sequence[Place], loads: Mapping[str, Load] | None = None, by: Policy = POLICY, now_s: float = 0.0
) -> Board:
    made = Board(by)
    busy = loads or {}
    made.fill(
        {one.upstream: one for one in places},
        {one.upstream: busy.get(one.upstream, FREE) for one in places},
        now_s,
    )
    return made


def need(
    request_id: str = "r", goal: Goal = Goal.LATENCY, prompt: int = 100, output: float = 90.0, **told: Any
) -> Need:
    return Need(request_id, goal, prompt, output, **told)


def choose(
    places: Sequence[Place],
    loads: Mapping[str, Load] | None = None,
    *,
    by: Policy = POLICY,
    excluded: frozenset[str] = frozenset(),
    now_s: float = 0.0,
    **told: Any,
) -> Decision:
    return decide(board(places, loads, by, now_s), need(**told), excluded, now_s)


def chosen(decision: Decision) -> str:
    """Return the upstream that was chosen."""
    assert decision.chosen is not None
    return decision.rows[decision.chosen].place.upstream


def scores(decision: Decision, node_id: str) -> dict[str, float]:
    """Return what each signal added for a node."""
    (found,) = (one for one in decision.candidates() if one.node_id == node_id)
    return {signal.name: signal.score for signal in found.signals}
