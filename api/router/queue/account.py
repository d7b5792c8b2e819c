"""What one key has in flight and may still use, over all models and priorities."""

import math
from heapq import heappush

from api.router.queue.limits import UNLIMITED, KeyLimits
from api.router.queue.line import Line
from api.router.queue.ticket import NOTHING, Cause, Reason, Ticket

_NEVER = -math.inf


class Account:
    """A key's use.

    ``parked`` are its lines that wait for the key itself, ``alarm`` when the budget is looked at again.
    ``tokens`` and ``finished`` count since the account was opened.
    """

    __slots__ = (
        "_alarms",
        "_dry_until",
        "_left",
        "_seen",
        "alarm",
        "finished",
        "in_flight",
        "key",
        "limited",
        "limits",
        "parked",
        "tokens",
        "waiting",
    )

    def __init__(self, key: str, now: float, alarms: list[tuple[float, str]]) -> None:
        self.key = key
        self.limits = UNLIMITED
        self.limited = False
        self.parked: list[Line] = []
        self.alarm = math.inf
        self.waiting = 0
        self.in_flight = 0
        self.finished = 0
        self.tokens = 0.0
        self._left = math.inf
        self._seen = now
        self._dry_until = _NEVER
        self._alarms = alarms

    def allow(self, limits: KeyLimits, now: float) -> None:
        """Set what it may have; of a new budget, what is used already counts."""
        if limits is self.limits or limits == self.limits:
            return
        used = 0.0 if math.isinf(self.limits.tokens) else self.limits.tokens - self.left(now)
        self.limits = limits
        self.limited = limits.max_in_flight is not None or not math.isinf(limits.tokens)
        self._left = limits.tokens - used
        self._seen = now
        self._spend(0.0, now)

    def left(self, now: float) -> float:
        """Return how many tokens it may use at once; negative where answers were longer than expected."""
        limits = self.limits
        if math.isinf(limits.tokens):
            return math.inf
        return min(limits.tokens, self._left + (now - self._seen) * limits.tokens / limits.period_s)

    def forgettable(self, now: float) -> bool:
        """Tell whether a new account would say the same, but for its counts."""
        return not self.waiting and not self.in_flight and self.left(now) >= self.limits.tokens

    def blocked(self, now: float) -> Reason:
        """Return why none of its tickets may go; ``NOTHING`` where they may."""
        most = self.limits.max_in_flight
        if most is not None and self.in_flight >= most:
            return Reason(Cause.KEY_IN_FLIGHT, self.key)
        return Reason(Cause.KEY_BUDGET, self.key) if now < self._dry_until else NOTHING

    def due(self, now: float) -> float | None:
        """Return when its budget lets it go on; None where the budget does not hold it back."""
        return self._dry_until if now < self._dry_until else None

    def park(self, line: Line, now: float) -> None:
        """Keep a line of the key's apart until the key may go on."""
        line.parked = True
        self.parked.append(line)
        self.watch(now)

    def watch(self, now: float) -> None:
        """See to it that lines which wait for the budget go on in time; one alarm is enough."""
        due = self.due(now)
        if self.parked and due is not None and due < self.alarm:
            self.alarm = due
            heappush(self._alarms, (due, self.key))

    def start(self, ticket: Ticket, now: float) -> None:
        """One of its tickets goes, and is charged as estimated."""
        self.in_flight += 1
        self.tokens += ticket.tokens
        self._spend(ticket.tokens, now)

    def settle(self, ticket: Ticket, tokens: float, now: float) -> None:
        """One of its tickets ends, having used so many."""
        self.in_flight -= 1
        self.finished += 1
        self.tokens += tokens - ticket.tokens
        self._spend(tokens - ticket.tokens, now)

    def _spend(self, tokens: float, now: float) -> None:
        if not self.limited:
            return
        limits = self.limits
        self._left = self.left(now) - tokens
        self._seen = now
        if math.isinf(limits.tokens):
            self._dry_until = _NEVER
            return
        # From one whole token on: at exactly nothing left, rounding could wake it just before its time.
        missing = min(1.0, limits.tokens) - self._left
        self._dry_until = now + missing * limits.period_s / limits.tokens if missing > 0 else _NEVER
