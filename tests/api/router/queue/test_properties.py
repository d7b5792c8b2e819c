"""What holds after anything that may happen to a queue, in any order.

The numbers are those of docs/queue.md.
"""

import math
from collections import Counter

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from api.router.queue import cost
from api.router.queue.core import Queue
from api.router.queue.limits import Heavy, KeyLimits, PoolLimits, QueueLimits
from api.router.queue.snapshot import snapshot
from api.router.queue.ticket import Cause, Change, State, Ticket

MODELS = ("a", "b", "c", "d", "e", "alone")
UPSTREAMS = ("u1", "u2", "u3")
KEYS = ("k1", "k2", "k3")
LIMITS = {
    "k1": KeyLimits(priority_ceiling=3),
    "k2": KeyLimits(weight=3.0, max_in_flight=2, max_wait_s=40.0),
    "k3": KeyLimits(priority_ceiling=1, tokens=2_000, period_s=50.0),
}
POOLS = (
    PoolLimits("budget", frozenset("ab"), budget=1.0, costs={"a": 0.3}),
    PoolLimits("full", frozenset("c"), budget=0.7, heavy=Heavy.FULL_POOL),
    PoolLimits("exclusive", frozenset("de"), budget=2.0, exclusive=True, turn_s=5.0),
)
numbers = st.integers(0, 10_000)


class QueueMachine(RuleBasedStateMachine):
    """Requests come, go, end and leave; upstreams grow, shrink, pause and vanish; time passes."""

    @initialize(aging_rate=st.sampled_from([0.0, 0.5]))
    def start(self, aging_rate: float) -> None:
        limits = QueueLimits(pools=POOLS, aging_rate=aging_rate)
        self.queue = Queue(limits)
        self.twin = Queue(limits)
        self.now = 0.0
        self.released: Counter[str] = Counter()
        self.left: Counter[str] = Counter()
        for model in MODELS:
            self.serve(model, "u1", 2)

    @rule(
        model=st.sampled_from(MODELS),
        key=st.sampled_from(KEYS),
        priority=st.integers(-2, 5),
        prompt=st.sampled_from([0, 100, 3_000, 20_000]),
        patience=st.sampled_from([0.0, 5.0, 100.0, math.inf]),
    )
    def ask(self, model: str, key: str, priority: int, prompt: int, patience: float) -> None:
        def ticket() -> Ticket:
            return Ticket(f"t{self.queue.entered}", model, key, priority, prompt, None, patience)

        made, twin = ticket(), ticket()
        self.note(self.queue.enter(made, self.now, LIMITS[key]), self.twin.enter(twin, self.now, LIMITS[key]))

    @precondition(lambda self: self.flying)
    @rule(which=numbers, tokens=st.sampled_from([None, 0, 50, 5_000]))
    def finish(self, which: int, tokens: int | None) -> None:
        name = self.pick(State.IN_FLIGHT, which)
        self.note(
            self.queue.finish(name, self.now, tokens, tokens),
            self.twin.finish(name, self.now, tokens, tokens),
        )
        assert self.queue.finish(name, self.now) == [], "a ticket ends once"

    @precondition(lambda self: self.flying)
    @rule(which=numbers, upstream=st.sampled_from(UPSTREAMS), served=st.sampled_from(["", "", "a", "alone"]))
    def place(self, which: int, upstream: str, served: str) -> None:
        name = self.pick(State.IN_FLIGHT, which)
        self.note(
            self.queue.place(name, upstream, self.now, served),
            self.twin.place(name, upstream, self.now, served),
        )

    @precondition(lambda self: self.queue.waiting)
    @rule(which=numbers)
    def leave(self, which: int) -> None:
        name = self.pick(State.WAITING, which)
        self.change(self.queue.leave(name, self.now), self.twin.leave(name, self.now))
        assert self.queue.leave(name, self.now) == ([], [])

    @rule(model=st.sampled_from(("", *MODELS)), key=st.sampled_from(("", *KEYS)))
    def cancel(self, model: str, key: str) -> None:
        if model or key:
            ours = self.queue.cancel(self.now, model=model, key=key)
            self.change(ours, self.twin.cancel(self.now, model=model, key=key))

    @rule(seconds=st.sampled_from([0.0, 0.1, 1.0, 7.0, 60.0]))
    def passes(self, seconds: float) -> None:
        self.now += seconds
        self.change(self.queue.tick(self.now), self.twin.tick(self.now))
        assert self.queue.next_tick() > self.now

    @rule(model=st.sampled_from(MODELS), upstream=st.sampled_from(UPSTREAMS), slots=st.integers(0, 4))
    def serve(self, model: str, upstream: str, slots: int) -> None:
        self.note(
            self.queue.serve(upstream, model, slots, self.now),
            self.twin.serve(upstream, model, slots, self.now),
        )

    @rule(model=st.sampled_from(MODELS), upstream=st.sampled_from(UPSTREAMS))
    def withdraw(self, model: str, upstream: str) -> None:
        self.note(
            self.queue.withdraw(upstream, model, self.now), self.twin.withdraw(upstream, model, self.now)
        )

    @rule(upstream=st.sampled_from(UPSTREAMS))
    def pause(self, upstream: str) -> None:
        self.note(self.queue.pause(upstream, self.now), self.twin.pause(upstream, self.now))

    @rule(upstream=st.sampled_from(UPSTREAMS))
    def resume(self, upstream: str) -> None:
        self.note(self.queue.resume(upstream, self.now), self.twin.resume(upstream, self.now))

    def pick(self, state: State, which: int) -> str:
        names = [ticket.id for ticket in self.queue.tickets.values() if ticket.state is state]
        return names[which % len(names)]

    def change(self, ours: Change, twins: Change) -> None:
        assert [ticket.id for ticket in ours.left] == [ticket.id for ticket in twins.left]
        self.left.update(ticket.id for ticket in ours.left)
        self.note(ours.released, twins.released)

    def note(self, ours: list[Ticket], twins: list[Ticket]) -> None:
        names = [ticket.id for ticket in ours]
        assert names == [ticket.id for ticket in twins], "the same calls release the same tickets"
        self.released.update(names)

    @property
    def flying(self) -> list[Ticket]:
        return self.of(State.IN_FLIGHT)

    def of(self, state: State) -> list[Ticket]:
        return [ticket for ticket in self.queue.tickets.values() if ticket.state is state]

    @invariant()
    def places_are_those_taken(self) -> None:
        """1. Nothing is released to a full model, and what is counted is what is there."""
        for model in self.queue.models.values():
            capacity = model.capacity
            served = [ticket for ticket in self.flying if ticket.served == model.name]
            assert capacity.in_flight == len(served)
            assert capacity.unplaced == sum(not ticket.upstream for ticket in served)
            assert capacity.free == sum(place.free for place in capacity.places.values()) - capacity.unplaced
            assert {
                name: place.in_flight for name, place in capacity.places.items() if place.in_flight
            } == Counter(ticket.upstream for ticket in served if ticket.upstream)

    @invariant()
    def budgets_hold(self) -> None:
        """2, 4. What is used is what is in flight, exactly, and never more than there is."""
        for pool in self.queue.pools.values():
            mine = [ticket for ticket in self.flying if ticket.model in pool.limits.models]
            assert pool.used == sum(ticket.cost for ticket in mine)
            assert pool.running == len(mine)
            assert pool.budget is None or pool.used <= pool.budget

    @invariant()
    def exclusive_pools_have_one_model(self) -> None:
        """3."""
        assert len({ticket.model for ticket in self.flying if ticket.model in "de"}) <= 1

    @invariant()
    def every_ticket_is_in_one_place(self) -> None:
        """5. Entered is waiting, in flight and ended; nothing is released twice, or after it left."""
        queue = self.queue
        assert queue.entered == queue.waiting + len(self.flying) + sum(queue.ended.values())
        assert all(count == 1 for count in (self.released + self.left).values())
        assert sum(self.released.values()) == len(self.flying) + queue.ended[State.FINISHED]
        assert sum(model.waiting for model in queue.models.values()) == queue.waiting
        assert sum(account.waiting for account in queue.accounts.values()) == queue.waiting
        assert sum(account.in_flight for account in queue.accounts.values()) == len(self.flying)

    @invariant()
    def reservations_are_for_the_budget_alone(self) -> None:
        """6, 7. What is reserved for waits, has a free place, fits an empty pool and not this one."""
        for pool in self.queue.pools.values():
            if pool.reserved is not None and pool.reserved.state is State.WAITING:
                assert pool.budget is not None
                assert pool.reserved.cost <= pool.budget
                assert pool.used + pool.reserved.cost > pool.budget

    @invariant()
    def no_place_is_idle(self) -> None:
        """8. What waits has a reason that is true."""
        for ticket in self.of(State.WAITING):
            reason = self.queue.why(ticket, self.now)
            pool = self.queue.models[ticket.model].pool
            free = self.queue.models[ticket.model].capacity.free > 0
            if reason.cause in (Cause.MODEL_CAP, Cause.NO_UPSTREAM):
                assert not free
            elif reason.cause is Cause.BUDGET:
                assert pool.reserved is ticket
            elif reason.cause is Cause.RESERVED:
                assert pool.reserved is not None
                assert pool.reserved.state is State.WAITING
                assert self.queue.models[pool.reserved.model].capacity.free > 0
            elif reason.cause in (Cause.EXCLUSIVE, Cause.HAND_OFF):
                assert pool.limits.exclusive
                assert pool.running
            else:
                assert reason.cause in (Cause.KEY_IN_FLIGHT, Cause.KEY_BUDGET)
                assert self.queue.accounts[ticket.key].blocked(self.now).cause is reason.cause

    @invariant()
    def keys_have_what_they_may(self) -> None:
        assert self.queue.accounts.get("k2") is None or self.queue.accounts["k2"].in_flight <= 2

    @invariant()
    def heaps_are_bounded(self) -> None:
        queue = self.queue
        assert len(queue._deadlines) <= 2 * queue.waiting + 200
        for model in queue.models.values():
            for band in model.pool.bands.values():
                assert all(len(heads) <= 2 * heads.lines + 33 for heads in band.heads.values())

    @invariant()
    def what_is_shown_is_what_there_is(self) -> None:
        shown = snapshot(self.queue, self.now, tickets=3)
        assert shown.entered == shown.waiting + shown.in_flight + sum(shown.ended.values())
        assert len(shown.tickets) == min(3, shown.waiting)
        assert [pool.used for pool in shown.pools] == [
            self.queue.pools[pool.pool].used / cost.UNIT for pool in shown.pools
        ]

    def teardown(self) -> None:
        """No starvation, and all is given back: with places for all, everything that waits goes and ends."""
        if not hasattr(self, "queue"):
            return
        for upstream in UPSTREAMS:
            self.queue.resume(upstream, self.now)
        for model in MODELS:
            self.queue.serve("u1", model, 2, self.now)
        for _ in range(10_000):
            if not self.queue.tickets:
                break
            flying = self.of(State.IN_FLIGHT)
            if flying:
                self.queue.finish(flying[0].id, self.now, 10, 10)
            else:
                assert self.queue.next_tick() < math.inf, "something waits for nothing"
                self.now = max(self.now, self.queue.next_tick())
                self.queue.tick(self.now)
        assert not self.queue.tickets
        assert all(pool.used == pool.running == 0 and not pool.bands for pool in self.queue.pools.values())


QueueMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=60, deadline=None)
TestQueue = QueueMachine.TestCase
