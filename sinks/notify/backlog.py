"""What happened before a notifier was given a partition, as the topic itself tells it. Pure.

From the last commit to the end a partition holds notifications and the facts of their deliveries. They are
read once before anything is sent, so that what was delivered and not committed is recognized, attempts are
counted on, and what is over by now is known to be over.

Whoever was away for a long time finds openings that are old. Of those whose group has been resolved since,
neither the opening nor the resolve is sent; of others the opening is, late, for it still holds.
"""

from typing import Literal, NamedTuple

from schemas.codec import Event
from schemas.events.delivery_attempted import DeliveryAttempted
from schemas.events.notification_due import NotificationDue

Fate = Literal["send", "settled", "overtaken", "over"]


class Tried(NamedTuple):
    """Attempts that were made: how many, and when the first was, µs since the epoch."""

    attempts: int = 0
    began_us: int = 0


class _Known(NamedTuple):
    offset: int  # of the newest fact
    settled: bool
    tried: Tried


class Backlog:
    """Of one partition. Records are told in order, then judged in order."""

    def __init__(self) -> None:
        self._deliveries: dict[tuple[str, str], _Known] = {}
        self._latest: dict[tuple[str, str], int] = {}
        self._resolved: dict[tuple[str, str], int] = {}
        self._untold: set[tuple[str, str]] = set()

    def tell(self, event: Event, offset: int) -> None:
        """Take in a record."""
        if isinstance(event, DeliveryAttempted):
            self._tell_attempt(event, offset)
        elif isinstance(event, NotificationDue):
            for channel_id in event.channels:
                self._latest[event.group_id, channel_id] = offset
                if event.kind == "resolved":
                    self._resolved[event.group_id, channel_id] = offset

    def _tell_attempt(self, event: DeliveryAttempted, offset: int) -> None:
        key = (event.notification_id, event.channel_id)
        began = event.occurred_at - round(event.took_ms * 1000)
        before = self._deliveries.get(key)
        if event.attempt > 1 and before is not None and not before.settled:
            began = before.tried.began_us
        self._deliveries[key] = _Known(offset, event.outcome != "retrying", Tried(event.attempt, began))

    def tried(self, notification: NotificationDue, channel_id: str, offset: int) -> Tried:
        """Return what was tried of the notification at this offset; an earlier copy of it does not count."""
        known = self._deliveries.get((notification.id, channel_id))
        return known.tried if known is not None and known.offset > offset else Tried()

    def fate(self, notification: NotificationDue, channel_id: str, offset: int, *, is_old: bool) -> Fate:
        """Say what becomes of a notification. ``is_old``: it arrived longer ago than one would be tried."""
        known = self._deliveries.get((notification.id, channel_id))
        if known is not None and known.offset > offset:
            # What may have been received has its resolve, however old.
            return "settled" if known.settled else "send"
        group = (notification.group_id, channel_id)
        if group in self._untold:
            return "over"
        if notification.kind == "resolved" or not is_old:
            return "send"
        if self._resolved.get(group, -1) > offset:
            if notification.kind == "opened":
                self._untold.add(group)
            return "over"
        overtaken = notification.kind != "opened" and self._latest.get(group, -1) > offset
        return "overtaken" if overtaken else "send"
