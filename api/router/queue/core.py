"""The queue: who may go next. Every call says which tickets it released; the shell lets those requests go.

A ticket ends exactly once, and what it took is given back with it. What a call costs grows with the logarithm
of the tickets that wait, and with the number of models in the pool that it concerns.
"""

from api.router.queue import cost
from api.router.queue.account import Account
from api.router.queue.accounts import Accounts
from api.router.queue.capacity import UNBOUNDED
from api.router.queue.deadlines import Deadlines
from api.router.queue.limits import (
    HIGHEST_PRIORITY,
    LOWEST_PRIORITY,
    UNLIMITED,
    KeyLimits,
    PoolLimits,
    QueueLimits,
)
from api.router.queue.line import Line
from api.router.queue.model import Model
from api.router.queue.pool import Pool
from api.router.queue.ticket import ENDS, NOTHING, Change, Reason, State, Ticket
from schemas.errors import RefusedError


class Queue:
    """Tickets, waiting and in flight. Not for several threads; times handed in never go back.

    ``ended`` says how many tickets ended in each way; ``entered`` how many there were, of which
    ``len(tickets)`` have not ended.
    """

    def __init__(self, limits: QueueLimits) -> None:
        self.limits = limits
        self.models: dict[str, Model] = {}
        self.accounts = Accounts()
        self.tickets: dict[str, Ticket] = {}
        self.pools = {pool.name: Pool(pool, limits.aging_rate) for pool in limits.pools}
        self.paused: set[str] = set()
        self.entered = 0
        self.waiting = 0
        self.ended = dict.fromkeys(ENDS, 0)
        self._pool_of = {model: self.pools[pool.name] for pool in limits.pools for model in pool.models}
        self._deadlines = Deadlines()

    def enter(self, ticket: Ticket, now: float, limits: KeyLimits = UNLIMITED) -> list[Ticket]:
        """Take a new ticket in, whose key may have so much from now on; return what goes, itself if it may.

        Raises:
            RefusedError: a ticket with its id waits or is in flight.
        """
        if ticket.id in self.tickets:
            raise RefusedError(f"a ticket {ticket.id} has not ended yet")
        model, account = self._model(ticket.model), self.accounts.of(ticket.key, now)
        account.allow(limits, now)
        self._fill_in(ticket, model, limits, now)
        self.tickets[ticket.id] = ticket
        if (not account.limited or account.blocked(now) is NOTHING) and model.pool.admits(ticket, model):
            model.pool.admit(ticket)
            self._go(ticket, model, account, now)
            return [ticket]
        self.waiting += 1
        model.waiting += 1
        account.waiting += 1
        model.pool.add(ticket, model, account)
        released = self._unpark(account, now) if account.parked else []
        if model.capacity.free > 0:
            released += self._pump(model.pool, now)
        if ticket.state is State.WAITING:
            ticket.reason = self.why(ticket, now)
            self._deadlines.add(ticket, self.waiting)
        return released

    def place(self, ticket_id: str, upstream: str, now: float, served: str = "") -> list[Ticket]:
        """Say who serves a ticket in flight, again for each attempt; ``served``: as another model.

        Returns what may go because the ticket takes another place than was thought. What it costs and whose
        turn it is stay as they were for its own model.
        """
        ticket = self.tickets.get(ticket_id)
        if ticket is None or ticket.state is not State.IN_FLIGHT:
            return []
        self._lift(ticket)
        before, after = self.models[ticket.served], self._model(served or ticket.model)
        if before is not after:
            before.capacity.give()
            after.capacity.take()
            ticket.served = after.name
        ticket.upstream = upstream
        after.capacity.put(upstream)
        return self._pump_all([before.pool, after.pool], now) if self.waiting else []

    def finish(
        self, ticket_id: str, now: float, prompt_tokens: int | None = None, output_tokens: int | None = None
    ) -> list[Ticket]:
        """End a ticket that was released, having used so many tokens; None: the estimate stands.

        Returns what goes in its place; a ticket that is not in flight is left as it is.
        """
        ticket = self.tickets.get(ticket_id)
        if ticket is None or ticket.state is not State.IN_FLIGHT:
            return []
        self._end(ticket, State.FINISHED, now)
        return self._settle(ticket, self._used(ticket, prompt_tokens, output_tokens), now)

    def leave(self, ticket_id: str, now: float, state: State = State.ABANDONED) -> Change:
        """Take a ticket out of the queue; one that does not wait is left as it is."""
        ticket = self.tickets.get(ticket_id)
        if ticket is None or ticket.state is not State.WAITING:
            return Change([], [])
        return self._leave([ticket], state, now)

    def cancel(self, now: float, *, model: str = "", key: str = "") -> Change:
        """Take out all tickets that wait, those for one model, those of one key, or those that are both."""
        wanted = [
            ticket
            for ticket in self.tickets.values()
            if ticket.state is State.WAITING and model in ("", ticket.model) and key in ("", ticket.key)
        ]
        return self._leave(wanted, State.CANCELLED, now)

    def tick(self, now: float) -> Change:
        """Take out those whose patience has ended, and let keys go on whose budgets came back."""
        change = self._leave(list(self._deadlines.due(now)), State.TIMED_OUT, now)
        for account in self.accounts.awake(now):
            change.released.extend(self._unpark(account, now))
        return change

    def next_tick(self) -> float:
        """Return when ``tick`` has something to do; infinite where never, as things stand."""
        return min(self._deadlines.next(), self.accounts.next())

    def serve(self, upstream: str, model: str, slots: int | None, now: float) -> list[Ticket]:
        """An upstream serves a model, so many requests at once; None: any number. Return what goes."""
        capacity = self._model(model).capacity
        most = UNBOUNDED if slots is None else max(slots, 0)
        place = capacity.places.get(upstream)
        if place is not None and place.listed and place.slots == most:
            return []
        capacity.set(upstream, most, open_=upstream not in self.paused)
        return self._pump(self.models[model].pool, now)

    def withdraw(self, upstream: str, model: str, now: float) -> list[Ticket]:
        """An upstream no longer serves a model; what it has in flight may end. Return what goes."""
        known = self.models.get(model)
        if known is None:
            return []
        known.capacity.drop(upstream)
        released = self._pump(known.pool, now)
        self._forget(known)
        return released

    def pause(self, upstream: str, now: float) -> list[Ticket]:
        """Release nothing more to an upstream, known or not; what it has in flight may end.

        Returns what goes: tickets for which the pool was not kept, or had no turn.
        """
        self.paused.add(upstream)
        return self._open(upstream, now, open_=False)

    def resume(self, upstream: str, now: float) -> list[Ticket]:
        """End a pause; return what goes."""
        self.paused.discard(upstream)
        return self._open(upstream, now, open_=True)

    def in_flight_on(self, upstream: str) -> int:
        """Return how many requests an upstream has; a paused one is drained at 0."""
        places = (model.capacity.places.get(upstream) for model in self.models.values())
        return sum(place.in_flight for place in places if place is not None)

    def why(self, ticket: Ticket, now: float) -> Reason:
        """Return what keeps a ticket waiting now."""
        blocked = self.accounts[ticket.key].blocked(now)
        return self.models[ticket.model].pool.why(ticket) if blocked is NOTHING else blocked

    def _open(self, upstream: str, now: float, *, open_: bool) -> list[Ticket]:
        served = [model for model in self.models.values() if upstream in model.capacity.places]
        for model in served:
            model.capacity.open(upstream, open_=open_)
        return self._pump_all([model.pool for model in served], now)

    def _fill_in(self, ticket: Ticket, model: Model, limits: KeyLimits, now: float) -> None:
        self.entered += 1
        ticket.seq = self.entered
        ticket.entered = now
        ticket.priority = min(
            max(ticket.priority, LOWEST_PRIORITY), limits.priority_ceiling, HIGHEST_PRIORITY
        )
        ticket.weight = limits.weight
        ticket.deadline = now + min(ticket.patience_s, limits.max_wait_s)
        ticket.tokens = model.expect(ticket.prompt_tokens, ticket.max_tokens)
        ticket.factor = cost.factor(ticket.prompt_tokens, self.limits.tiers)

    def _pump(self, pool: Pool, now: float) -> list[Ticket]:
        released: list[Ticket] = []
        while (found := pool.next(now)) is not None:
            self._release(found.ticket, found.line, now)
            released.append(found.ticket)
        return released

    def _pump_all(self, pools: list[Pool], now: float) -> list[Ticket]:
        return [ticket for pool in dict.fromkeys(pools) for ticket in self._pump(pool, now)]

    def _release(self, ticket: Ticket, line: Line, now: float) -> None:
        model, account = line.model, line.account
        self.waiting -= 1
        model.waiting -= 1
        account.waiting -= 1
        model.pool.start(ticket, line, now)
        self._go(ticket, model, account, now)

    def _go(self, ticket: Ticket, model: Model, account: Account, now: float) -> None:
        ticket.state, ticket.released, ticket.served = State.IN_FLIGHT, now, ticket.model
        model.running += 1
        model.waits.append(now - ticket.entered)
        model.capacity.take()
        account.start(ticket, now)

    def _settle(self, ticket: Ticket, tokens: float, now: float) -> list[Ticket]:
        """Give back what a ticket took, and release what may go instead."""
        model, account = self.models[ticket.model], self.accounts[ticket.key]
        served = self.models[ticket.served]
        self._lift(ticket)
        served.capacity.give()
        model.running -= 1
        model.finished += 1
        model.pool.settle(ticket, tokens)
        account.settle(ticket, tokens, now)
        released = self._unpark(account, now) if account.parked else []
        if self.waiting:
            released += self._pump(model.pool, now)
        if served is not model:
            released += self._pump(served.pool, now)
            self._forget(served)
        self._forget(model)
        return released

    def _used(self, ticket: Ticket, prompt_tokens: int | None, output_tokens: int | None) -> float:
        prompt = ticket.prompt_tokens if prompt_tokens is None else prompt_tokens
        if output_tokens is None:
            return ticket.tokens - ticket.prompt_tokens + prompt
        self.models[ticket.served].learn(output_tokens)
        return prompt + output_tokens

    def _lift(self, ticket: Ticket) -> None:
        if ticket.upstream:
            self.models[ticket.served].capacity.lift(ticket.upstream)
            ticket.upstream = ""

    def _leave(self, tickets: list[Ticket], state: State, now: float) -> Change:
        pools: list[Pool] = []
        for ticket in tickets:
            model, account = self.models[ticket.model], self.accounts[ticket.key]
            ticket.reason = self.why(ticket, now)
            self._end(ticket, state, now)
            self.waiting -= 1
            model.waiting -= 1
            account.waiting -= 1
            if ticket.line is not None:
                model.pool.remove(ticket, ticket.line)
            pools.append(model.pool)
        released = self._pump_all(pools, now)
        for name in {ticket.model: None for ticket in tickets}:
            self._forget(self.models[name])
        return Change(released, tickets)

    def _end(self, ticket: Ticket, state: State, now: float) -> None:
        del self.tickets[ticket.id]
        ticket.state, ticket.left = state, now
        self.ended[state] += 1

    def _unpark(self, account: Account, now: float) -> list[Ticket]:
        """Put the lines of a key that may go on back among the others; return what goes."""
        if account.blocked(now) is not NOTHING:
            account.watch(now)
            return []
        lines, account.parked = account.parked, []
        for line in lines:
            line.band.unpark(line)
        return self._pump_all([line.model.pool for line in lines], now)

    def _model(self, name: str) -> Model:
        model = self.models.get(name)
        if model is None:
            pool = self._pool_of.get(name)
            if pool is None:
                pool = Pool(PoolLimits(name, frozenset({name})), self.limits.aging_rate)
            model = self.models[name] = Model(name, pool, self.limits.output_tokens)
            pool.models[name] = model
        return model

    def _forget(self, model: Model) -> None:
        """Drop a model that no upstream serves and nobody wants, so that made-up names do not pile up."""
        if not model.waiting and not model.running and not model.capacity.places:
            self.models.pop(model.name, None)
            model.pool.models.pop(model.name, None)
