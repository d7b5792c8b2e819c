"""The queue with a clock and an event loop: requests wait in it, each for a future of its own."""

import asyncio
import math
import time
from collections.abc import Iterable

from api.router.ask import Ask, plain_name
from api.router.outcome import Outcome
from api.router.queue import ticket as core
from api.router.queue.core import Queue
from api.router.seams import Admitted, Choice, Chooser, Refused, Usage

_ENDED = {
    core.State.CANCELLED: (Outcome.CANCELLED_QUEUED, 503, "an operator took the request out of the queue"),
    core.State.TIMED_OUT: (Outcome.TIMED_OUT_QUEUED, 503, "the request waited for as long as it may"),
}
_RETRY_S = 5.0


class QueueAdmission:
    """See ``seams.Admission``. Whoever changes ``queue`` from outside hands the change to ``changed``.

    Args:
        queue: the queue.
        patience_s: how long a request waits that says nothing of it.
        hold_s: how long it waits while no upstream is known that serves its model.
    """

    def __init__(self, queue: Queue, *, patience_s: float, hold_s: float) -> None:
        self.queue = queue
        self._patience_s = patience_s
        self._hold_s = hold_s
        self._waiting: dict[str, asyncio.Future[None]] = {}
        self._served: dict[tuple[str, str], int | None] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._due = math.inf

    def enter(self, ask: Ask) -> "QueueTicket":
        """See ``seams.Admission``."""
        model = self._model(ask)
        known = model in self.queue.models and bool(self.queue.models[model].capacity.places)
        patience_s = self._patience_s if ask.patience_s is None else ask.patience_s
        ticket = core.Ticket(
            ask.request_id, model, ask.caller.fingerprint, ask.priority, ask.prompt_tokens, ask.max_tokens,
            patience_s if known else min(patience_s, self._hold_s),
        )  # fmt: skip
        depth = self.queue.waiting
        self.changed(self.queue.enter(ticket, time.monotonic(), ask.caller.limits))
        return QueueTicket(self, ticket, depth)

    def sync(self, chooser: Chooser) -> None:
        """Take in what the upstreams serve now."""
        wanted = {
            (upstream.id, plain_name(model)): upstream.slots
            for model, upstreams in chooser.models().items()
            for upstream in upstreams
        }
        now_s = time.monotonic()
        for upstream, model in self._served.keys() - wanted.keys():
            self.changed(self.queue.withdraw(upstream, model, now_s))
        for (upstream, model), slots in wanted.items():
            self.changed(self.queue.serve(upstream, model, slots, now_s))
        self._served = wanted

    def pool(self, model: str) -> str:
        """Return the name of a model's pool; empty where the queue does not know the model."""
        known = self.queue.models.get(model)
        return known.pool.limits.name if known is not None else ""

    def changed(self, released: Iterable[core.Ticket], left: Iterable[core.Ticket] = ()) -> None:
        """Wake the requests that may go, and those that were taken out."""
        for ticket in (*released, *left):
            future = self._waiting.get(ticket.id)
            if future is not None and not future.done():
                future.set_result(None)
        if self._waiting:
            self._arm()  # what ended may have used up a key's budget, which comes back at a time of its own

    async def wait(self, ticket: core.Ticket) -> None:
        """Wait until a ticket no longer waits; cancelled, take it out at once."""
        future = asyncio.get_running_loop().create_future()
        self._waiting[ticket.id] = future
        self._arm()
        try:
            await future
        except asyncio.CancelledError:
            if ticket.state is core.State.WAITING:
                change = self.queue.leave(ticket.id, time.monotonic())
                self.changed(change.released, change.left)
            raise
        finally:
            del self._waiting[ticket.id]

    def finish(self, ticket: core.Ticket, usage: Usage) -> None:
        """End a ticket; what takes its place goes."""
        self.changed(
            self.queue.finish(ticket.id, time.monotonic(), usage.prompt_tokens, usage.completion_tokens)
        )

    def place(self, ticket: core.Ticket, choice: Choice) -> None:
        """Say where a ticket goes."""
        served = plain_name(choice.served)
        self.changed(
            self.queue.place(
                ticket.id, choice.upstream.id, time.monotonic(), "" if served == ticket.model else served
            )
        )

    def _model(self, ask: Ask) -> str:
        """Return what a request waits for: the first of its models that any upstream serves."""
        models = self.queue.models
        for name in (ask.model, *ask.models):
            found = models.get(plain_name(name))
            if found is not None and found.capacity.places:
                return found.name
        return plain_name(ask.model)

    def _arm(self) -> None:
        """See to it that the queue is told when somebody's patience ends."""
        due = self.queue.next_tick()
        if due < self._due:
            if self._timer is not None:
                self._timer.cancel()
            self._due = due
            delay_s = max(0.0, due - time.monotonic())
            self._timer = asyncio.get_running_loop().call_later(delay_s, self._tick)

    def _tick(self) -> None:
        self._due, self._timer = math.inf, None
        change = self.queue.tick(time.monotonic())
        self.changed(change.released, change.left)
        self._arm()


class QueueTicket:
    """See ``seams.Ticket``."""

    __slots__ = ("_admission", "_depth", "_ticket")

    def __init__(self, admission: QueueAdmission, ticket: core.Ticket, depth: int) -> None:
        self._admission = admission
        self._ticket = ticket
        self._depth = depth

    @property
    def admitted(self) -> Admitted | None:
        """See ``seams.Ticket``."""
        ticket = self._ticket
        if math.isnan(ticket.released):
            return None
        pool = self._admission.pool(ticket.model)
        if ticket.reason.cause is core.Cause.NONE:
            return Admitted(0.0, core.Cause.NONE.value, pool, self._depth)
        return Admitted(ticket.waited_s, ticket.reason.cause.value, pool, self._depth)

    async def wait(self) -> Admitted:
        """See ``seams.Ticket``."""
        ticket = self._ticket
        if ticket.state is core.State.WAITING:
            await self._admission.wait(ticket)
        admitted = self.admitted
        if admitted is not None:
            return admitted
        if ticket.reason.cause is core.Cause.NO_UPSTREAM:
            message = f"no upstream serves {ticket.model} now"
            raise Refused(Outcome.REJECTED_UNHEALTHY, 503, message, retry_after_s=_RETRY_S)
        outcome, status, message = _ENDED[ticket.state]
        raise Refused(outcome, status, message, retry_after_s=_RETRY_S)

    def placed(self, choice: Choice) -> None:
        """See ``seams.Ticket``."""
        self._admission.place(self._ticket, choice)

    def release(self, outcome: Outcome, usage: Usage) -> None:
        """See ``seams.Ticket``."""
        self._admission.finish(self._ticket, usage)
