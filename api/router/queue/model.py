"""What the queue knows of one model: its places, its pool and what its answers usually have."""

from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING

from api.router.queue.capacity import Capacity
from api.router.queue.cost import whole

if TYPE_CHECKING:
    from api.router.queue.pool import Pool

# As many as Overlaat keeps, so that the figures compare.
_WAITS = 200
_LEARN = 0.1


class Model:
    """One model. ``cost`` is what an operator set, in ``cost.UNIT``; None: a place's share."""

    __slots__ = (
        "capacity",
        "cost",
        "finished",
        "name",
        "output_tokens",
        "pool",
        "running",
        "waiting",
        "waits",
    )

    def __init__(self, name: str, pool: "Pool", output_tokens: float) -> None:
        self.name = name
        self.pool = pool
        costs = pool.limits.costs
        self.cost = whole(costs[name]) if name in costs else None
        self.capacity = Capacity()
        self.waiting = 0
        self.running = 0
        self.finished = 0
        self.output_tokens = output_tokens
        self.waits: deque[float] = deque(maxlen=_WAITS)

    def expect(self, prompt_tokens: int, max_tokens: int | None) -> float:
        """Return how many tokens a request will use, as far as one can tell."""
        output = self.output_tokens if max_tokens is None else min(self.output_tokens, max_tokens)
        return prompt_tokens + output

    def learn(self, output_tokens: float) -> None:
        """Hear how many tokens an answer had: a moving mean of about ten answers."""
        self.output_tokens += _LEARN * (output_tokens - self.output_tokens)

    def waited(self) -> Sequence[float]:
        """Return the last waits, seconds, shortest first."""
        return sorted(self.waits)
