"""One notification on its way to one channel."""

from dataclasses import dataclass
from typing import NamedTuple

from schemas.events.notification_due import NotificationDue, NotificationKind


class Place(NamedTuple):
    """Where a notification stands in the topic."""

    partition: int
    offset: int


@dataclass(slots=True, eq=False)
class Delivery:
    """What is to be sent, and how far that has come. Times are of the monotonic clock, seconds.

    ``body`` is None where the notification is in Kafka alone, for there are too many to keep. ``again`` names
    the redelivery that a person asked for; empty: it is the first. ``began_us`` is the wall clock's time of
    the first attempt, 0 before.
    """

    channel_id: str
    place: Place
    notification_id: str
    group_id: str
    rule_id: str
    kind: NotificationKind
    fact_arrived_at: int
    body: NotificationDue | None
    due_s: float
    expires_s: float
    attempts: int = 0
    began_us: int = 0
    again: str = ""

    @property
    def is_passing(self) -> bool:
        """Whether what comes later for its group says all that it says."""
        return self.kind in ("updated", "reminder")


def delivery_of(
    notification: NotificationDue, channel_id: str, place: Place, due_s: float, expires_s: float
) -> Delivery:
    """Return a delivery that has not been tried."""
    return Delivery(
        channel_id=channel_id,
        place=place,
        notification_id=notification.id,
        group_id=notification.group_id,
        rule_id=notification.rule_id,
        kind=notification.kind,
        fact_arrived_at=notification.fact_arrived_at,
        body=notification,
        due_s=due_s,
        expires_s=expires_s,
    )
