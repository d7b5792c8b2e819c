"""The router's choice by itself: what choosing costs, by candidates.

Places are rated when something is known anew of them; a request only adds up. Both are timed, and so is what
the facts of a choice cost, which are worked out after the request has gone.
"""

import gc
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from api.query.fleet import FleetView
from api.router.ask import Ask, Dialect, Goal, Task
from api.router.fleet_chooser import FleetChooser
from api.router.scoring.board import Board, Load
from api.router.scoring.decide import decide
from api.router.scoring.decision import Decision, Need
from api.router.scoring.place import Condition, Place, Speed
from api.router.scoring.policy import Policy
from api.router.seams import Choice, Usage
from infra.bench.table import Table
from schemas.errors import RefusedError
from schemas.events.node_registered import AvailableModel, NodeRegistered, RuntimeInventory
from schemas.settings import PolicySettings, RouterSettings

ROUNDS = 5_000
CASES = (2, 10, 100, 1_000)
COLUMNS = (
    "candidates",
    "places",
    "decision p50, µs",
    "decision p99, µs",
    "rating a place anew, µs",
    "its facts, µs",
    "a request, µs",
)
NOTE = (
    "One thread, by its CPU. Equal: all as good as each other, so that ties must be broken; different: each "
    "with speeds, heat and load of its own. A decision is the choice and all that explains it; its facts are "
    "at most 16 candidates with their signals, worked out after the request has gone. A request is all that "
    "the chooser does for one, mean: choose, count, and learn from first token and end, which changes loads "
    "and rates places anew; nodes are equal in it."
)


@dataclass(frozen=True, slots=True)
class Measured:
    """Seconds: of each decision; of rating one place; of the facts of one decision; of a whole request."""

    decisions_s: Sequence[float]
    rating_s: float
    facts_s: float
    request_s: float


def run() -> Table:
    """Measure all cases."""
    cases = [(count, equal) for count in CASES for equal in (True, False)]
    return Table(
        "Router: scoring", COLUMNS, [row(count, equal, measure(count, equal)) for count, equal in cases], NOTE
    )


def measure(count: int, equal: bool, rounds: int = ROUNDS) -> Measured:
    """Decide again and again."""
    policy = Policy.of(PolicySettings())
    places = {f"u{number:04}": _place(number, equal) for number in range(count)}
    loads = {id_: Load(0 if equal else number % 9, 4) for number, id_ in enumerate(places)}
    board = Board(policy)
    rating_s = _spent(lambda: board.fill(places, loads, 1.0)) / count
    needs = [Need(f"{number:032x}", Goal.LATENCY, 500, 200.0) for number in range(rounds)]
    gc.collect()
    decisions_s = []
    for need in needs:
        began = time.thread_time_ns()
        found = decide(board, need, (), 1.0)
        decisions_s.append((time.thread_time_ns() - began) / 1e9)
    facts_s = _spent(lambda: _explain(found, 100)) / 100
    return Measured(sorted(decisions_s), rating_s, facts_s, _request_s(count, rounds))


def row(count: int, equal: bool, measured: Measured) -> Sequence[object]:
    """Return a case's row of the table."""
    calls = measured.decisions_s
    return (
        f"{count:,}",
        "equal" if equal else "different",
        *(f"{1e6 * calls[int(len(calls) * at)]:.1f}" for at in (0.5, 0.99)),
        f"{1e6 * measured.rating_s:.1f}",
        f"{1e6 * measured.facts_s:.0f}",
        f"{1e6 * measured.request_s:.0f}",
    )


def _place(number: int, equal: bool) -> Place:
    turn = 0 if equal else number
    return Place(
        f"u{number:04}",
        f"node-{number}",
        "vllm:8000",
        "llama",
        Condition(0.0, True, ("normal", "fair", "serious")[turn % 3], kv_cache_ratio=0.5),
        Speed(0.1, 0.0005, 0.01 + 0.001 * (turn % 17), 2.0 + 0.1 * (turn % 13), 10.0, 0.0),
        wes=1.0 + turn % 5,
        wes_seen_s=0.0,
    )


class _NoAnswers:
    """No upstream answered anything: all is known by the nodes."""

    def listen(self, changed: Callable[[], None]) -> None:
        """Hear who wants to know; there will be nothing."""

    def inventory(self, upstream: str) -> None:
        """Return nothing."""

    def errors(self) -> Mapping[str, str]:
        """Return that none failed."""
        return {}


def _request_s(count: int, rounds: int) -> float:
    """Return what the chooser costs a request, over so many nodes."""
    fleet = FleetView()
    for number in range(count):
        fleet.apply(_registered(f"node-{number}"), time.time_ns() // 1000)
    chooser = FleetChooser(RouterSettings(), _NoAnswers(), fleet)
    asks = [
        Ask(
            f"{number:032x}",
            Dialect.OPENAI,
            Task.CHAT,
            "/v1/chat/completions",
            "llama",
            prompt_tokens=500,
            stream=True,
        )
        for number in range(rounds)
    ]
    return _spent(lambda: _serve(chooser, asks)) / rounds


def _serve(chooser: FleetChooser, asks: Sequence[Ask]) -> None:
    usage = Usage(500, 200)
    for ask in asks:
        choice = chooser.choose(ask, ask.model, frozenset())
        if not isinstance(choice, Choice):
            raise RefusedError(f"the benchmark's nodes have no {ask.model}: {choice.reason}")
        chooser.began(ask, choice)
        chooser.first_token(ask, choice)
        chooser.ended(ask, choice, ok=True, usage=usage)


def _registered(node_id: str) -> NodeRegistered:
    model = AvailableModel("llama", "", "llama", "Q4_K_M", True, size_bytes=4e9)
    runtime = RuntimeInventory(
        "vllm:8000", "vllm", f"http://{node_id}:8000", "", "", "", "", 1, slots=4.0, models=(model,)
    )
    now_us = time.time_ns() // 1000
    return NodeRegistered(
        node_id, "default", "b", now_us, now_us, "", node_id, "", "linux", "", "x86_64", "", "", {},
        interval_s=1.0, runtimes=(runtime,),
    )  # fmt: skip


def _spent(work: Callable[[], object]) -> float:
    began = time.thread_time_ns()
    work()
    return (time.thread_time_ns() - began) / 1e9


def _explain(decision: Decision, times: int) -> None:
    for _ in range(times):
        decision.explain()
