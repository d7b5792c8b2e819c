"""The router's queue by itself: what entering and releasing cost, at several depths.

The queue is filled, then held at its depth: a request ends, which releases the next one, and another enters.
Each call is timed on its own. Then requests end until nothing waits. No other code runs, the event loop least
of all.
"""

import gc
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from api.router.queue.core import Queue
from api.router.queue.limits import PoolLimits, QueueLimits
from api.router.queue.ticket import Ticket
from infra.bench.table import Table

ROUNDS = 30_000
KEYS = 50
SLOTS = 4
MANY = frozenset(f"model-{number}" for number in range(20))
COLUMNS = (
    "queue",
    "waiting",
    "enter p50, µs",
    "enter p99, µs",
    "release p50, µs",
    "release p99, µs",
    "requests/s of CPU",
    "releases/s of CPU",
)
NOTE = (
    f"One thread, {KEYS} keys, {SLOTS} places a model. A release is the end of one request and the choice of "
    "the next; a request is its entering, release and end. Requests/s: at this depth, garbage collection "
    "included. Releases/s: from this depth until the queue is empty."
)


@dataclass(frozen=True, slots=True)
class Case:
    """A queue to measure; ``priorities``: requests come at so many different ones."""

    name: str
    waiting: int
    pools: tuple[PoolLimits, ...] = ()
    models: Sequence[str] = ("model-0",)
    aging_rate: float = 0.0
    priorities: int = 1


CASES = (
    Case("one model", 0),
    Case("one model", 100),
    Case("one model", 5_000),
    Case("one model", 50_000),
    Case("one model, 3 priorities, aging", 5_000, aging_rate=0.1, priorities=3),
    Case("20 models, a pool each", 5_000, models=sorted(MANY)),
    Case(
        "20 models, one pool with a budget",
        5_000,
        pools=(PoolLimits("gpu", MANY, budget=2.0),),
        models=sorted(MANY),
    ),
    Case(
        "20 models, one exclusive pool",
        5_000,
        pools=(PoolLimits("gpu", MANY, exclusive=True),),
        models=sorted(MANY),
    ),
)


@dataclass(frozen=True, slots=True)
class Measured:
    """Seconds of each call, of CPU for all of them, and for releasing the ``drained`` in the end."""

    enters_s: Sequence[float]
    releases_s: Sequence[float]
    held_s: float
    drained: int
    drained_s: float


def run() -> Table:
    """Measure every case."""
    return Table("Queue of the router", COLUMNS, [row(case, measure(case, ROUNDS)) for case in CASES], NOTE)


def measure(case: Case, rounds: int) -> Measured:
    """Hold a queue at its depth for so many requests."""
    queue = Queue(QueueLimits(pools=case.pools, aging_rate=case.aging_rate))
    for model in case.models:
        queue.serve("upstream", model, SLOTS, 0.0)
    tickets = iter([*_tickets(case, case.waiting + SLOTS * len(case.models) + rounds)])
    flying: deque[str] = deque()
    while queue.waiting < case.waiting or not flying:
        flying.extend(ticket.id for ticket in queue.enter(next(tickets), 0.0))
    gc.collect()
    enters_s, releases_s = [], []
    began = time.thread_time()
    for round_ in range(rounds):
        now = round_ * 1e-3
        start = time.perf_counter()
        released = queue.finish(flying.popleft(), now, 500, 200)
        middle = time.perf_counter()
        released += queue.enter(next(tickets), now)
        end = time.perf_counter()
        releases_s.append(middle - start)
        enters_s.append(end - middle)
        flying.extend(ticket.id for ticket in released)
    held_s = time.thread_time() - began
    drained, drained_s = _drain(queue, flying, rounds * 1e-3)
    return Measured(sorted(enters_s), sorted(releases_s), held_s, drained, drained_s)


def _drain(queue: Queue, flying: deque[str], now: float) -> tuple[int, float]:
    """Let requests end until nothing waits; return how many went, and how much CPU that took."""
    waiting = queue.waiting
    began = time.thread_time()
    while queue.waiting:
        flying.extend(ticket.id for ticket in queue.finish(flying.popleft(), now, 500, 200))
    return waiting, time.thread_time() - began


def row(case: Case, measured: Measured) -> Sequence[object]:
    """Return a case's row of the table."""
    enters, releases = measured.enters_s, measured.releases_s
    return (
        case.name,
        f"{case.waiting:,}",
        *(f"{1e6 * value:.1f}" for calls in (enters, releases) for value in _quantiles(calls)),
        f"{len(releases) / measured.held_s:,.0f}",
        f"{measured.drained / measured.drained_s:,.0f}" if measured.drained else "-",
    )


def _tickets(case: Case, count: int) -> Iterator[Ticket]:
    for number in range(count):
        model = case.models[number % len(case.models)]
        priority = -(number % case.priorities)
        yield Ticket(
            str(number), model, f"key-{number % KEYS}", priority, prompt_tokens=500, patience_s=600.0
        )


def _quantiles(calls: Sequence[float]) -> tuple[float, float]:
    return calls[len(calls) // 2], calls[int(len(calls) * 0.99)]
