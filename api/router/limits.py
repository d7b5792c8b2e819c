"""From settings to what the queue is held to."""

import math

from api.router.ask import plain_name
from api.router.queue.limits import Heavy, KeyLimits, PoolLimits, QueueLimits
from schemas.settings import PoolSettings, RouterSettings


def queue_limits(told: RouterSettings) -> QueueLimits:
    """Return what holds for the queue.

    Raises:
        ConfigError: pools contradict each other, or a model costs more than its pool has.
    """
    tiers = (tier.split(":") for tier in told.prompt_tiers.split(","))
    return QueueLimits(
        pools=tuple(_pool(pool) for pool in told.pools),
        aging_rate=told.aging_per_s,
        tiers=tuple((float(tokens), float(times)) for tokens, times in tiers),
    )


def caller_limits(told: RouterSettings) -> KeyLimits:
    """Return what callers may have whose keys do not say."""
    return KeyLimits(priority_ceiling=told.priority_ceiling, max_in_flight=told.max_in_flight)


def _pool(told: PoolSettings) -> PoolLimits:
    return PoolLimits(
        told.name,
        frozenset(map(plain_name, told.models)),
        budget=math.inf if told.budget is None else told.budget,
        exclusive=told.exclusive,
        turn_s=told.turn_s,
        heavy=Heavy(told.heavy),
        costs={plain_name(model): cost for model, cost in told.costs.items()},
    )
