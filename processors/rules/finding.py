"""An observation or alert as rules see it."""

from typing import NamedTuple

from schemas.events.alert import Alert, AlertResolved
from schemas.events.observation import Observation, ObservationResolved


class Finding(NamedTuple):
    """An open observation or alert. ``of``: its pattern, or which alert it is.

    ``acknowledged_by``: who has taken it on; empty: nobody has, or that is over.
    """

    finding_id: str
    of: str
    is_observation: bool
    fleet: str
    node_id: str
    severity: str
    text: str
    onset_at: int
    acknowledged_by: str
    dismissed: bool
    over: bool


def finding_of(event: Observation | Alert) -> Finding:
    """Return what was opened, updated or resolved."""
    observed = isinstance(event, Observation)
    finding_id, of = (
        (event.observation_id, event.pattern)
        if isinstance(event, Observation)
        else (event.alert_id, event.alert)
    )
    return Finding(
        finding_id,
        of,
        observed,
        event.fleet,
        event.node_id,
        event.severity,
        event.text,
        event.onset_at,
        "" if 0 < event.acknowledged_until <= event.occurred_at else event.acknowledged_by,
        event.dismissed_until > event.occurred_at,
        isinstance(event, ObservationResolved | AlertResolved),
    )
