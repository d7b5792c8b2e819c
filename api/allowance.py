"""What the router lets one key have. Nothing here: what the settings say of all callers."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from api.router.ask import Goal
from api.router.queue.limits import HIGHEST_PRIORITY, LOWEST_PRIORITY
from schemas.errors import RefusedError

GOALS = tuple(goal.value for goal in Goal)
_DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Allowance:
    """What one key may have; None is not said.

    Attributes:
        priority_ceiling: its requests have this priority at most.
        weight: its share beside other keys that wait for the same; 1 is usual.
        max_wait_s: its requests wait no longer in the queue, seconds.
        max_in_flight: more of its requests than this wait.
        tokens: it may use so many in ``period_s``, all at once if it likes; then it waits for more.
        period_s: in this time all of ``tokens`` come back, evenly; seconds.
        models: the only models it may use; none: any.
        goal: what the choice of a node favours for it: latency, efficiency or balanced.
        resident_fallback: whether another model may answer because it is in memory.

    Raises:
        RefusedError: a value makes no sense.
    """

    priority_ceiling: int | None = None
    weight: float = 1.0
    max_wait_s: float | None = None
    max_in_flight: int | None = None
    tokens: float | None = None
    period_s: float = _DAY_S
    models: tuple[str, ...] = ()
    goal: str = ""
    resident_fallback: bool | None = None

    def __post_init__(self) -> None:
        ceiling = self.priority_ceiling
        if ceiling is not None and not LOWEST_PRIORITY <= ceiling <= HIGHEST_PRIORITY:
            raise RefusedError(f"priorities are from {LOWEST_PRIORITY} to {HIGHEST_PRIORITY}, not {ceiling}")
        for name in ("weight", "period_s", "tokens"):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise RefusedError(f"{name} must be above 0 and finite, not {value}")
        if self.max_wait_s is not None and not 0 <= self.max_wait_s < math.inf:
            raise RefusedError(f"max_wait_s must be a number of seconds, not {self.max_wait_s}")
        if self.max_in_flight is not None and self.max_in_flight < 1:
            raise RefusedError(f"max_in_flight must be at least 1, not {self.max_in_flight}")
        if self.goal and self.goal not in GOALS:
            raise RefusedError(f"there is no goal {self.goal}; there are: {', '.join(GOALS)}")


USUAL = Allowance()


def parse(raw: Mapping[str, Any]) -> Allowance:
    """Read what ``shown`` wrote.

    Raises:
        TypeError: a field is unknown, or no value of its type.
        RefusedError: a value makes no sense.
    """
    return Allowance(**{**raw, "models": tuple(raw.get("models", ()))})


def shown(allowance: Allowance) -> dict[str, Any]:
    """Return what differs from the usual, as JSON can hold it."""
    values = {field.name: getattr(allowance, field.name) for field in fields(allowance)}
    return {name: value for name, value in values.items() if value != getattr(USUAL, name)}
