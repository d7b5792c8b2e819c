"""What rules told: each observation and alert with its beginning and its end."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from schemas.events.alert import Alert, AlertResolved
from schemas.events.observation import Observation, ObservationResolved, Severity
from schemas.labels import Kind

Told = Observation | Alert
_RESOLVED = ObservationResolved | AlertResolved


@dataclass(frozen=True, slots=True, kw_only=True)
class Fired:
    """An observation of a node, or an alert of a fleet. Times are µs since the epoch.

    ``onset_at``, ``opened_at`` and ``ended_at`` are what the events say: the node's clock for an observation,
    the log's for an alert. ``told_at`` and ``over_at`` are when the records that opened and ended it arrived.
    ``ended_at`` and ``over_at`` are None for what is open at the end. ``severity``: the highest it reached.
    """

    kind: Kind
    id: str
    node: str
    fleet: str
    told_id: str
    onset_at: int
    opened_at: int
    told_at: int
    ended_at: int | None = None
    over_at: int | None = None
    severity: Severity
    members: tuple[str, ...] = ()
    reason: str = ""
    text: str = ""

    def seconds(self, since: int, until: int) -> float:
        """Return how long it lasted within a range of log time, seconds.

        What was told and was over within the range counts in full: it has times of its own, which are others
        than the log's where an incident is simulated faster than it happens.
        """
        begin = self.onset_at if self.told_at >= since else max(self.onset_at, since)
        is_over = self.over_at is not None and self.over_at <= until
        end = self.ended_at if is_over and self.ended_at is not None else until
        return max(0, end - begin) / 1e6


class Following:
    """Puts what is told together."""

    def __init__(self, open_before: Iterable[Fired] = ()) -> None:
        self._by_id = {one.told_id: one for one in open_before}

    def take(self, event: Told, arrived_at: int) -> None:
        """Take an event, in the order of the log. One of something never opened begins it."""
        id_ = id_of(event)
        before = self._by_id.get(id_)
        if before is None:
            self._by_id[id_] = before = opened(event, arrived_at)
        after = replace(before, severity=event.peak_severity, members=_members(event))
        if isinstance(event, _RESOLVED):
            after = replace(after, ended_at=event.occurred_at, over_at=arrived_at, reason=event.reason)
        elif event.text:
            after = replace(after, text=event.text)
        self._by_id[id_] = after

    def fired(self, since: int) -> Sequence[Fired]:
        """Return what was open at ``since`` or opened later, in the order of time."""
        found = (one for one in self._by_id.values() if one.over_at is None or one.over_at >= since)
        return sorted(found, key=lambda one: (one.told_at, one.kind, one.id, one.node, one.told_id))


def id_of(event: Told) -> str:
    """Return the id that an observation or an alert keeps from its beginning to its end."""
    return event.observation_id if isinstance(event, Observation) else event.alert_id


def opened(event: Told, arrived_at: int) -> Fired:
    """Return what an event says of something that was not known."""
    is_pattern = isinstance(event, Observation)
    return Fired(
        kind="pattern" if is_pattern else "alert",
        id=event.pattern if isinstance(event, Observation) else event.alert,
        node=event.node_id,
        fleet=event.fleet,
        told_id=id_of(event),
        onset_at=event.onset_at,
        opened_at=event.occurred_at,
        told_at=arrived_at,
        severity=event.peak_severity,
        members=_members(event),
        text=event.text,
    )


def _members(event: Told) -> tuple[str, ...]:
    return () if isinstance(event, Observation) else tuple(sorted(event.members))
