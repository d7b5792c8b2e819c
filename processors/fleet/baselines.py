"""Which baseline holds when.

The job that writes baselines runs a little after the hour, and its facts come from elsewhere than the
summaries do. A baseline comes into force five minutes after its hour, by log time, so that which of the two
was written first does not change a judgement.
"""

from collections.abc import Iterator

from processors.fleet.state import Baseline
from processors.patterns.turning import SECOND_US
from schemas.events.wes_baseline import WesBaseline

DELAY_US = 300 * SECOND_US
# A baseline that has not been renewed for two days is of a past that has gone.
VALID_US = 48 * 3600 * SECOND_US


def with_new(baselines: tuple[Baseline, ...], event: WesBaseline) -> tuple[Baseline, ...]:
    """Return the baselines with a new one: of each model and load the two newest stay."""
    new = Baseline(
        event.model,
        event.load,
        event.occurred_at,
        event.day_panes,
        event.day_wes,
        event.week_panes,
        event.week_wes,
    )
    kept = [one for one in baselines if one.occurred_at > event.occurred_at - VALID_US]
    same = [one for one in kept if (one.model, one.load) == (new.model, new.load)]
    newest = sorted({*same, new}, key=lambda one: one.occurred_at)[-2:]
    others = [one for one in kept if (one.model, one.load) != (new.model, new.load)]
    return tuple(sorted([*others, *newest]))


def in_force(baselines: tuple[Baseline, ...], at: int) -> Iterator[Baseline]:
    """Yield the newest baseline of each model and load that is in force at a moment of log time."""
    newest: dict[tuple[str, str], Baseline] = {}
    for one in baselines:
        if at - VALID_US < one.occurred_at <= at - DELAY_US:
            before = newest.get((one.model, one.load))
            if before is None or before.occurred_at < one.occurred_at:
                newest[one.model, one.load] = one
    yield from newest.values()
