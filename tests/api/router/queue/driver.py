"""A queue with a clock that tests turn, and short words for what happens to it."""

import math

from api.router.queue.core import Queue
from api.router.queue.limits import UNLIMITED, KeyLimits, PoolLimits, QueueLimits
from api.router.queue.ticket import Change, State, Ticket


class Driver:
    """Names of tickets are counted up: t1, t2, ..."""

    def __init__(self, *pools: PoolLimits, aging_rate: float = 0.0, output_tokens: float = 100.0) -> None:
        self.queue = Queue(QueueLimits(pools=pools, aging_rate=aging_rate, output_tokens=output_tokens))
        self.now = 0.0
        self.went: list[str] = []
        self.tickets: dict[str, Ticket] = {}
        self._flying: dict[str, None] = {}

    def serve(self, model: str, slots: int | None, upstream: str = "u1") -> None:
        self._note(self.queue.serve(upstream, model, slots, self.now))

    def ask(
        self,
        model: str = "m",
        key: str = "k",
        *,
        priority: int = 0,
        prompt: int = 0,
        patience: float = math.inf,
        limits: KeyLimits = UNLIMITED,
    ) -> str:
        ticket = Ticket(
            f"t{self.queue.entered + 1}",
            model,
            key,
            priority=priority,
            prompt_tokens=prompt,
            patience_s=patience,
        )
        self.tickets[ticket.id] = ticket
        self._note(self.queue.enter(ticket, self.now, limits))
        return ticket.id

    def asks(
        self, count: int, model: str = "m", key: str = "k", *, limits: KeyLimits = UNLIMITED
    ) -> list[str]:
        return [self.ask(model, key, limits=limits) for _ in range(count)]

    def finish(self, ticket_id: str, prompt: int | None = None, output: int | None = None) -> list[str]:
        self._flying.pop(ticket_id, None)
        return self._note(self.queue.finish(ticket_id, self.now, prompt, output))

    def place(self, ticket_id: str, upstream: str = "u1", served: str = "") -> list[str]:
        return self._note(self.queue.place(ticket_id, upstream, self.now, served))

    def pause(self, upstream: str) -> list[str]:
        return self._note(self.queue.pause(upstream, self.now))

    def withdraw(self, upstream: str, model: str) -> list[str]:
        return self._note(self.queue.withdraw(upstream, model, self.now))

    def resume(self, upstream: str) -> list[str]:
        return self._note(self.queue.resume(upstream, self.now))

    def leave(self, ticket_id: str) -> list[str]:
        return self.note(self.queue.leave(ticket_id, self.now))

    def tick(self, now: float) -> Change:
        self.now = now
        change = self.queue.tick(now)
        self._note(change.released)
        return change

    def note(self, change: Change) -> list[str]:
        return self._note(change.released)

    def drain(self) -> list[str]:
        """Finish the oldest in flight until nothing is; return what went, in order, from now on."""
        before = len(self.went)
        while running := self.running():
            self.finish(running[0])
        return self.went[before:]

    def running(self) -> list[str]:
        """Return what is in flight, in the order it went."""
        return list(self._flying)

    def waiting(self) -> list[str]:
        return [ticket.id for ticket in self.queue.tickets.values() if ticket.state is State.WAITING]

    def cause(self, ticket_id: str) -> tuple[str, str]:
        reason = self.queue.why(self.tickets[ticket_id], self.now)
        return reason.cause.value, reason.subject

    def kept(self, ticket_id: str) -> tuple[str, str]:
        reason = self.tickets[ticket_id].reason
        return reason.cause.value, reason.subject

    def _note(self, released: list[Ticket]) -> list[str]:
        names = [ticket.id for ticket in released]
        self.went += names
        self._flying.update(dict.fromkeys(names))
        return names
