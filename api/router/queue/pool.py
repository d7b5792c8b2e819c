"""What a group of models shares, and which of their tickets is next.

The next ticket is the best among those whose model has a free place. If the budget is too small for it, what
is left of the pool is kept for it: nothing else goes until it fits, so a dear request waits no longer than
what is in flight takes. In an exclusive pool the model that is in flight goes on for its turn while another
waits; then nothing more goes until the pool is empty, and the other model has it.
"""

import math
from typing import NamedTuple

from api.router.queue import cost
from api.router.queue.account import Account
from api.router.queue.band import Band
from api.router.queue.limits import PoolLimits
from api.router.queue.line import Line
from api.router.queue.model import Model
from api.router.queue.ticket import Cause, Reason, Ticket


class Next(NamedTuple):
    """A ticket that could go. ``priority`` is the aged one; ``aged``: it passes a higher one by its age."""

    priority: float
    ticket: Ticket
    line: Line
    aged: bool


class Pool:
    """Models and what they share. ``resident`` is the model that has, or last had, an exclusive pool."""

    __slots__ = (
        "aging_rate",
        "bands",
        "budget",
        "limits",
        "models",
        "reserved",
        "resident",
        "running",
        "turn_began",
        "used",
        "waiting",
    )

    def __init__(self, limits: PoolLimits, aging_rate: float) -> None:
        self.limits = limits
        self.aging_rate = aging_rate
        self.budget = None if math.isinf(limits.budget) else cost.whole(limits.budget)
        self.used = 0
        self.running = 0
        self.waiting = 0
        self.models: dict[str, Model] = {}
        self.bands: dict[int, Band] = {}
        self.reserved: Ticket | None = None
        self.resident = ""
        self.turn_began = 0.0

    def band(self, priority: int) -> Band:
        """Return the band of a priority; there is one while something waits or runs at it."""
        band = self.bands.get(priority)
        if band is None:
            band = self.bands[priority] = Band(priority)
        return band

    def cost(self, model: Model, times: float) -> int:
        """Return what a request takes of the budget, in ``cost.UNIT``; 0 where there is none."""
        if self.budget is None:
            return 0
        base = cost.derived(model.capacity.slots, self.budget) if model.cost is None else model.cost
        return cost.charge(base, times, self.budget, self.limits.heavy)

    def next(self, now: float) -> Next | None:
        """Return the ticket that may go now, and set what it costs; None where none may."""
        found = self._exclusive(now) if self.limits.exclusive else self._best(now)
        self.reserved = None
        if found is None:
            return None
        ticket = found.ticket
        if self.budget is not None:
            ticket.cost = self.cost(self.models[ticket.model], ticket.factor)
            if self.used + ticket.cost > self.budget:
                self.reserved = ticket
                ticket.reason = Reason(Cause.BUDGET, self.limits.name)
                return None
        ticket.aged = found.aged
        return found

    def admits(self, ticket: Ticket, model: Model) -> bool:
        """Tell whether a new ticket may go at once, and set what it costs.

        This is short for adding it and finding it next; where that is not plain, the answer is no.
        """
        if self.waiting or model.capacity.free <= 0 or self.limits.exclusive:
            return False
        if self.budget is None:
            return True
        ticket.cost = self.cost(model, ticket.factor)
        return self.used + ticket.cost <= self.budget

    def admit(self, ticket: Ticket) -> None:
        """A ticket goes without having waited."""
        self.used += ticket.cost
        self.running += 1
        self.band(ticket.priority).admit(ticket)

    def add(self, ticket: Ticket, model: Model, account: Account) -> None:
        """A ticket waits."""
        self.waiting += 1
        self.band(ticket.priority).add(ticket, model, account)

    def start(self, ticket: Ticket, line: Line, now: float) -> None:
        """A ticket that waited goes."""
        self.waiting -= 1
        self.used += ticket.cost
        self.running += 1
        self.bands[ticket.priority].start(ticket, line)
        if self.limits.exclusive and self.resident != ticket.model:
            self.resident, self.turn_began = ticket.model, now

    def settle(self, ticket: Ticket, tokens: float) -> None:
        """A ticket ends, having used so many tokens."""
        self.used -= ticket.cost
        self.running -= 1
        band = self.bands[ticket.priority]
        band.settle(ticket, tokens)
        self._forget(band)

    def remove(self, ticket: Ticket, line: Line) -> None:
        """A ticket leaves without having been served."""
        self.waiting -= 1
        band = self.bands[ticket.priority]
        band.remove(ticket, line)
        self._forget(band)

    def why(self, ticket: Ticket) -> Reason:
        """Return what keeps a ticket of this pool waiting, where its key does not."""
        capacity = self.models[ticket.model].capacity
        if capacity.free <= 0:
            cause = Cause.MODEL_CAP if capacity.served else Cause.NO_UPSTREAM
            return Reason(cause, ticket.model)
        if self.reserved is ticket:
            return Reason(Cause.BUDGET, self.limits.name)
        if self.reserved is not None:
            return Reason(Cause.RESERVED, self.reserved.id)
        if self.limits.exclusive and self.running:
            mine = ticket.model == self.resident
            return (
                Reason(Cause.HAND_OFF, self.limits.name) if mine else Reason(Cause.EXCLUSIVE, self.resident)
            )
        return Reason(Cause.TURN, self.limits.name)

    def _forget(self, band: Band) -> None:
        if not band.waiting and not band.running:
            del self.bands[band.priority]

    def _exclusive(self, now: float) -> Next | None:
        """Return the resident's best ticket, or another model's once the pool is empty for it."""
        mine = self._best(now, only=self.resident) if self.resident else None
        if mine is None and self.running:
            return None
        # Where all have one priority nobody ends a turn early: the others need not be looked at.
        if mine is not None and len(self.bands) == 1 and not self._turn_over(now):
            return mine
        rival = self._best(now, but=self.resident)
        if rival is None or (mine is not None and not self._yields(mine, rival, now)):
            return mine
        return None if self.running else rival

    def _yields(self, mine: Next, rival: Next, now: float) -> bool:
        """Tell whether the resident makes room: among equals after its turn, else for the higher priority."""
        if mine.ticket.priority == rival.ticket.priority:
            return self._turn_over(now)
        return rival.priority > mine.priority

    def _turn_over(self, now: float) -> bool:
        return now - self.turn_began >= self.limits.turn_s

    def _best(self, now: float, *, only: str = "", but: str = "") -> Next | None:
        """Return the best ticket of the models with a free place, of one of them or of all but one."""
        best: Next | None = None
        highest = -math.inf
        for band in self.bands.values():
            if not band.waiting:
                continue
            line = self._first(band, now, only, but)
            if line is None:
                continue
            ticket = line.first
            aged = band.priority + self.aging_rate * (now - ticket.entered)
            highest = max(highest, band.priority)
            if best is None or (aged, band.priority) > (best.priority, best.ticket.priority):
                best = Next(aged, ticket, line, aged=False)
        if best is not None and best.ticket.priority < highest:
            return best._replace(aged=True)
        return best

    def _first(self, band: Band, now: float, only: str, but: str) -> Line | None:
        """Return the line of a band whose key has had the least; among equals the oldest."""
        least = None
        for name in (only,) if only else band.heads:
            heads = band.heads.get(name)
            if heads is None or heads.capacity.free <= 0 or name == but:
                continue
            entry = heads.top(now)
            # The order of coming is different for any two: the comparison ends there.
            if entry is not None and (least is None or entry < least):
                least = entry
        return None if least is None else least[3]
