"""What operators set. Each is checked when it is made, so the queue need not."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from schemas.errors import ConfigError

LOWEST_PRIORITY, HIGHEST_PRIORITY = -100, 100
DEFAULT_TIERS = ((2_000, 1.0), (8_000, 2.0), (math.inf, 4.0))


class Heavy(StrEnum):
    """How much of its pool a long prompt may cost at most."""

    LEAVE_ROOM = "leave_room"
    """So much that one short prompt of the same model still fits beside it."""
    FULL_POOL = "full_pool"
    """All of it."""


@dataclass(frozen=True, slots=True)
class PoolLimits:
    """What a group of models shares, such as the memory of a machine.

    Attributes:
        name: what it is called.
        models: its members; a model is in one pool at most.
        budget: the costs in flight may come to this.
        exclusive: one of its models at a time.
        turn_s: a model may go on for so long while others of an exclusive pool wait at its priority.
        heavy: what long prompts cost at most.
        costs: cost of a short prompt for some of its models; others: 1 / the requests served at once.
    """

    name: str
    models: frozenset[str]
    budget: float = math.inf
    exclusive: bool = False
    turn_s: float = 10.0
    heavy: Heavy = Heavy.LEAVE_ROOM
    costs: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        strangers = sorted(set(self.costs) - self.models)
        if strangers:
            raise ConfigError(
                f"pool {self.name} has a cost for {strangers[0]}, which is not one of its models"
            )
        if not self.budget > 0 or not self.turn_s >= 0 or any(not cost > 0 for cost in self.costs.values()):
            raise ConfigError(
                f"pool {self.name}: budget and costs must be above 0, turn_s must not be negative"
            )
        dear = [model for model, cost in sorted(self.costs.items()) if cost > self.budget]
        if dear:
            raise ConfigError(
                f"pool {self.name} has a budget of {self.budget:g}, and {dear[0]} costs "
                f"{self.costs[dear[0]]:g}: no request for it could ever go"
            )


@dataclass(frozen=True, slots=True)
class KeyLimits:
    """What one key may have.

    Attributes:
        priority_ceiling: its requests have this priority at most.
        weight: its share beside other keys that wait for the same.
        max_wait_s: its requests wait no longer.
        max_in_flight: more of its requests than this wait.
        tokens: it may use so many tokens in ``period_s``, all at once if it likes; then it waits.
        period_s: in this time all of ``tokens`` come back, evenly.
    """

    priority_ceiling: int = 0
    weight: float = 1.0
    max_wait_s: float = math.inf
    max_in_flight: int | None = None
    tokens: float = math.inf
    period_s: float = 86_400.0

    def __post_init__(self) -> None:
        if not 0 < self.weight < math.inf:
            raise ConfigError(f"the weight of a key must be above 0 and finite, not {self.weight}")
        if self.max_in_flight is not None and self.max_in_flight < 1:
            raise ConfigError("a key's max_in_flight must be at least 1")
        if not self.tokens > 0 or not 0 < self.period_s < math.inf or not self.max_wait_s >= 0:
            raise ConfigError(
                "a key's tokens and period must be above 0, its maximum wait must not be negative"
            )


UNLIMITED = KeyLimits()


@dataclass(frozen=True, slots=True)
class QueueLimits:
    """What holds for the whole queue.

    Attributes:
        pools: groups of models; one that is in none shares with no other and has no budget.
        aging_rate: points of priority that a ticket gains for each second it waits.
        tiers: (most tokens, factor) by the size of the prompt, smallest first; the last has no limit.
        output_tokens: what an answer is taken to have before any is known, tokens.
    """

    pools: tuple[PoolLimits, ...] = ()
    aging_rate: float = 0.0
    tiers: tuple[tuple[float, float], ...] = DEFAULT_TIERS
    output_tokens: float = 256.0

    def __post_init__(self) -> None:
        if not 0 <= self.aging_rate < math.inf:
            raise ConfigError(f"aging_rate must not be negative, nor infinite: {self.aging_rate}")
        sizes = [size for size, _ in self.tiers]
        if not sizes or sizes != sorted(set(sizes)) or sizes[-1] != math.inf:
            raise ConfigError("the tiers of prompts must grow, and the last must have no limit (inf)")
        if any(not 1 <= factor < math.inf for _, factor in self.tiers):
            raise ConfigError("the factor of a tier of prompts must be at least 1")
        seen: dict[str, str] = {}
        for pool in self.pools:
            for model in sorted(pool.models):
                if model in seen:
                    raise ConfigError(f"{model} is in two pools, {seen[model]} and {pool.name}")
                seen[model] = pool.name
        if len({pool.name for pool in self.pools}) != len(self.pools):
            raise ConfigError("two pools have the same name")
