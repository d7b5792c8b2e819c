"""How far before a range reading begins, so that its first event is what it was live.

Exact are two ways: from the beginning of the log, where that is not too far, and from snapshots of the states
(``resume``). Otherwise reading begins as long before the range as the windows of the stages reach, and before
the onset of what was open then. What stages learn over longer than that, as the idle power of an accelerator
and the counts of a node's samples, begins anew, and the report says so.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple

from processors.fleet.catalog import ALERTS as ALERT_KINDS
from processors.patterns.catalog import PATTERNS
from processors.patterns.stage import GONE_US, KEPT_US
from processors.replay.facts import Intake
from processors.replay.source import Source, Span
from processors.requests.stage import GRACE_US
from processors.stage import Stage
from schemas.events.alert import Alert, AlertResolved
from schemas.events.observation import Observation, ObservationResolved
from schemas.topics import ALERTS, OBSERVATIONS, Topic

MINUTE_US: Final = 60 * 1_000_000
HOUR_US: Final = 60 * MINUTE_US
# From the beginning of a log that began this long before: exact, and a minute and a half at 500 x.
BEGINNING_US: Final = 12 * HOUR_US
# What is open for longer is begun late, and the report says so.
LONGEST_US: Final = 24 * HOUR_US
# How far back to look for what is open.
OPEN_US: Final = 7 * 24 * HOUR_US
# Samples of a node wait for their pane at most so long, and smoothing needs less.
NODE_US: Final = MINUTE_US

Method = Literal["beginning", "snapshots", "windows", "given", "none"]


class WarmUp(NamedTuple):
    """``since``: where reading begins, µs since the epoch. ``exact``: the states are those that were live."""

    since: int
    method: Method
    exact: bool
    notes: tuple[str, ...] = ()


def memory_us(stages: Sequence[Stage[Any]]) -> int:
    """Return how far the windows of stages reach back, one behind the other, µs.

    Of patterns and alerts, the time that a judgement must hold before it counts, too.
    """
    return sum(_MEMORY_US[stage.name] for stage in stages if stage.name in _MEMORY_US)


def _longest_us(kinds: Sequence[Any]) -> int:
    longest_s: int = max(max(one.for_s, one.clear_s) for one in kinds)
    return longest_s * 1_000_000


_MEMORY_US: Final[Mapping[str, int]] = {
    "node-stage": NODE_US,
    # Besides what its panes need, requests that are open: as long as most take.
    "request-stage": GRACE_US + 10 * MINUTE_US,
    "pattern-stage": KEPT_US + GONE_US + _longest_us(PATTERNS),
    "fleet-stage": GONE_US + _longest_us(ALERT_KINDS),
}


def choose(
    source: Source,
    stages: Sequence[Stage[Any]],
    begins: int,
    *,
    held: Mapping[str, Span],
    given_us: int | None = None,
) -> WarmUp:
    """Return how to warm up for a range that begins at ``begins``, without snapshots.

    ``held``: what the source holds. ``given_us``: as long before as a person wants.
    """
    names = {stage.source.name for stage in stages}
    first_at = min((span.first_at for topic, span in held.items() if topic in names), default=begins)
    if given_us is not None:
        since = max(first_at, begins - given_us)
        return WarmUp(since, "given" if given_us else "none", since == first_at == begins)
    if begins - first_at <= BEGINNING_US and not _expired(source, [stage.source for stage in stages]):
        return WarmUp(min(first_at, begins), "beginning", exact=True)
    since, notes = begins, []
    for onset in open_at(source, begins, [one for one in (OBSERVATIONS, ALERTS) if one.name in held]):
        since = min(since, onset)
    if since < begins - LONGEST_US:
        notes.append("something was open for longer than a day before the range: its onset is not replayed")
        since = begins - LONGEST_US
    since -= memory_us(stages)
    if since < first_at:
        notes.append("the source begins within the warm-up")
    return WarmUp(max(since, first_at), "windows", exact=False, notes=tuple(notes))


def _expired(source: Source, topics: Sequence[Topic]) -> bool:
    """Return whether the source tells that its topics do not begin with their first records."""
    names = {topic.name for topic in topics}
    return any(gap.topic in names and gap.first_offset == 0 for gap in source.gaps())


def open_at(source: Source, at: int, topics: Sequence[Topic]) -> list[int]:
    """Return the onsets of the observations and alerts that were open at a moment of log time."""
    intake = Intake(source.codec(), {})
    found: dict[str, int] = {}
    for record in source.read(topics, at - OPEN_US, at) if topics else ():
        event = intake.read(record)
        if isinstance(event, Observation | Alert):
            id_ = event.observation_id if isinstance(event, Observation) else event.alert_id
            if isinstance(event, ObservationResolved | AlertResolved):
                found.pop(id_, None)
            else:
                found[id_] = event.onset_at
    return sorted(found.values())
