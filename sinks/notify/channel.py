"""What a channel is to the notifier, and what it says of an attempt."""

from typing import Literal, NamedTuple, Protocol

from schemas.channel_document import ChannelKind
from schemas.events.notification_due import NotificationDue

# retry: another time may do. refused: the same again would be refused again.
Verdict = Literal["delivered", "retry", "refused"]


class Receipt(NamedTuple):
    """How an attempt ended.

    ``status`` is of HTTP or SMTP, 0 where nothing answered; ``said`` is what the receiver answered, or why
    there was no answer: short, on one line, without secrets. ``retry_after_s`` is what the receiver asked
    for, None where it did not. ``blocked`` says that the trouble is with the receiver as a whole, not with
    this one message. ``took_ms`` is from sending to the verdict.
    """

    verdict: Verdict
    status: int = 0
    said: str = ""
    retry_after_s: float | None = None
    blocked: bool = False
    took_ms: float = 0.0


class Channel(Protocol):
    """A way to a receiver."""

    @property
    def kind(self) -> ChannelKind:
        """The kind of its document."""
        ...

    async def send(self, notification: NotificationDue, *, test: bool) -> Receipt:
        """Try once, however long that takes; never raises but when cancelled.

        ``test`` marks the message as one by which somebody tries the channel.
        """
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...
