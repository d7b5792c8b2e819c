"""What there is to see of a queue. Taking one looks at everything: for people, not for every request."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from api.router.queue import cost
from api.router.queue.account import Account
from api.router.queue.capacity import UNBOUNDED
from api.router.queue.core import Queue
from api.router.queue.model import Model
from api.router.queue.pool import Pool
from api.router.queue.ticket import State, Ticket

_ENOUGH = 20
"""Of fewer waits no quantiles are given."""


@dataclass(frozen=True, slots=True)
class PlaceStatus:
    """An upstream of a model; ``slots`` None: any number."""

    upstream: str
    slots: int | None
    in_flight: int
    paused: bool


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """A model. Waits are of its last 200 tickets that went, seconds; NaN where there are too few."""

    model: str
    pool: str
    slots: int | None
    in_flight: int
    waiting: int
    finished: int
    wait_p50_s: float
    wait_p95_s: float
    wait_max_s: float
    upstreams: tuple[PlaceStatus, ...]


@dataclass(frozen=True, slots=True)
class PoolStatus:
    """A pool that an operator made. ``resident`` is who has an exclusive pool, ``reserved_for`` a ticket."""

    pool: str
    budget: float
    used: float
    exclusive: bool
    resident: str
    reserved_for: str
    in_flight: int
    waiting: int


@dataclass(frozen=True, slots=True)
class KeyStatus:
    """A key. ``tokens`` were charged to it; ``tokens_left`` are what its budget leaves it, if it has one."""

    key: str
    weight: float
    priority_ceiling: int
    max_in_flight: int | None
    max_wait_s: float
    waiting: int
    in_flight: int
    finished: int
    tokens: float
    tokens_left: float
    budget_tokens: float
    budget_period_s: float


@dataclass(frozen=True, slots=True)
class TicketStatus:
    """A ticket that waits: since when, and for what."""

    id: str
    model: str
    key: str
    priority: int
    effective_priority: float
    age_s: float
    patience_left_s: float
    cause: str
    subject: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The queue at one time; entered = waiting + in flight + those that ``ended``, by how they did."""

    entered: int
    waiting: int
    in_flight: int
    ended: Mapping[str, int]
    paused: tuple[str, ...]
    models: tuple[ModelStatus, ...]
    pools: tuple[PoolStatus, ...]
    keys: tuple[KeyStatus, ...]
    tickets: tuple[TicketStatus, ...]


def snapshot(queue: Queue, now: float, *, tickets: int = 100) -> Snapshot:
    """Return what there is to see, with at most so many tickets, the oldest first."""
    waiting = (ticket for ticket in queue.tickets.values() if ticket.state is State.WAITING)
    return Snapshot(
        entered=queue.entered,
        waiting=queue.waiting,
        in_flight=len(queue.tickets) - queue.waiting,
        ended={state.value: count for state, count in queue.ended.items()},
        paused=tuple(sorted(queue.paused)),
        models=tuple(_model(queue.models[name]) for name in sorted(queue.models)),
        pools=tuple(_pool(queue.pools[name]) for name in sorted(queue.pools)),
        keys=tuple(_key(queue.accounts[key], now) for key in sorted(queue.accounts)),
        tickets=tuple(_ticket(queue, ticket, now) for ticket in islice(waiting, tickets)),
    )


def _model(model: Model) -> ModelStatus:
    waits, capacity = model.waited(), model.capacity
    return ModelStatus(
        model=model.name,
        pool=model.pool.limits.name,
        slots=_slots(capacity.slots),
        in_flight=capacity.in_flight,
        waiting=model.waiting,
        finished=model.finished,
        wait_p50_s=_quantile(waits, 0.5),
        wait_p95_s=_quantile(waits, 0.95),
        wait_max_s=waits[-1] if waits else math.nan,
        upstreams=tuple(
            PlaceStatus(name, _slots(place.slots), place.in_flight, not place.open)
            for name, place in sorted(capacity.places.items())
        ),
    )


def _pool(pool: Pool) -> PoolStatus:
    return PoolStatus(
        pool=pool.limits.name,
        budget=pool.limits.budget,
        used=pool.used / cost.UNIT,
        exclusive=pool.limits.exclusive,
        resident=pool.resident if pool.running else "",
        reserved_for="" if pool.reserved is None else pool.reserved.id,
        in_flight=pool.running,
        waiting=pool.waiting,
    )


def _key(account: Account, now: float) -> KeyStatus:
    limits = account.limits
    return KeyStatus(
        key=account.key,
        weight=limits.weight,
        priority_ceiling=limits.priority_ceiling,
        max_in_flight=limits.max_in_flight,
        max_wait_s=limits.max_wait_s,
        waiting=account.waiting,
        in_flight=account.in_flight,
        finished=account.finished,
        tokens=account.tokens,
        tokens_left=account.left(now),
        budget_tokens=limits.tokens,
        budget_period_s=limits.period_s,
    )


def _ticket(queue: Queue, ticket: Ticket, now: float) -> TicketStatus:
    reason = queue.why(ticket, now)
    age_s = now - ticket.entered
    return TicketStatus(
        id=ticket.id,
        model=ticket.model,
        key=ticket.key,
        priority=ticket.priority,
        effective_priority=ticket.priority + queue.limits.aging_rate * age_s,
        age_s=age_s,
        patience_left_s=ticket.deadline - now,
        cause=reason.cause.value,
        subject=reason.subject,
    )


def _slots(slots: int) -> int | None:
    return None if slots >= UNBOUNDED else slots


def _quantile(waits: Sequence[float], share: float) -> float:
    return waits[min(int(len(waits) * share), len(waits) - 1)] if len(waits) >= _ENOUGH else math.nan
