"""What was noticed: each observation and alert from when it was told to when it was told that it is over."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from processors.chain import Record
from schemas.events.alert import Alert, AlertOpened, AlertResolved, AlertUpdated
from schemas.events.observation import (
    Observation,
    ObservationOpened,
    ObservationResolved,
    ObservationUpdated,
    Severity,
)
from schemas.labels import Kind

_OPENED = ObservationOpened | AlertOpened
_RESOLVED = ObservationResolved | AlertResolved
TOLD = (ObservationOpened, ObservationUpdated, ObservationResolved, AlertOpened, AlertUpdated, AlertResolved)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """An observation or an alert. Times are those of arrival, seconds from the start of the scenario.

    ``resolved_s`` None: it is open at the end. ``severity`` is the highest that it reached.
    """

    kind: Kind
    id: str
    node: str
    opened_s: float
    resolved_s: float | None = None
    severity: Severity
    members: tuple[str, ...] = ()
    reason: str = ""
    text: str = ""


class Watch:
    """Follows observations and alerts through the records of a run."""

    def __init__(self, starts_at: int) -> None:
        self._starts_at = starts_at
        self._by_id: dict[str, Seen] = {}

    def take(self, record: Record) -> None:
        """Take a record; what is neither an observation nor an alert is passed over."""
        event = record.event
        if not isinstance(event, TOLD):
            return
        at_s = (record.arrived_at - self._starts_at) / 1e6
        id_ = event.observation_id if isinstance(event, Observation) else event.alert_id
        before = self._by_id.get(id_)
        if isinstance(event, _OPENED) or before is None:
            self._by_id[id_] = _opened(event, at_s)
        else:
            self._by_id[id_] = replace(before, severity=event.peak_severity, members=_members(event))
        if isinstance(event, _RESOLVED):
            self._by_id[id_] = replace(self._by_id[id_], resolved_s=at_s, reason=event.reason)

    def seen(self) -> Sequence[Seen]:
        """Return all that was noticed, in the order in which it was told."""
        return sorted(self._by_id.values(), key=lambda one: (one.opened_s, one.kind, one.id, one.node))


def _opened(event: Observation | Alert, at_s: float) -> Seen:
    observation = isinstance(event, Observation)
    return Seen(
        kind="pattern" if observation else "alert",
        id=event.pattern if isinstance(event, Observation) else event.alert,
        node=event.node_id,
        opened_s=at_s,
        severity=event.peak_severity,
        members=_members(event),
        text=event.text,
    )


def _members(event: Observation | Alert) -> tuple[str, ...]:
    return () if isinstance(event, Observation) else tuple(sorted(event.members))
