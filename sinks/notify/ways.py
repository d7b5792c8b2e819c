"""One channel's way to its receiver, made anew when the channel has changed."""

from schemas.channel_document import ChannelDocument
from schemas.errors import ConfigError
from schemas.events.notification_due import NotificationDue
from sinks.notify.channel import Channel, Receipt
from sinks.notify.channels import build
from sinks.notify.directory import Directory, Entry
from sinks.notify.guard import ForbiddenError
from sinks.notify.http import Network
from sinks.notify.secrets import SecretBox

# For a channel that nobody knows: it may have been made a moment ago.
UNKNOWN_S = 60.0


class Way:
    """Sends by what the directory says of the channel now."""

    def __init__(self, channel_id: str, directory: Directory, secrets: SecretBox, network: Network) -> None:
        self._channel_id = channel_id
        self._directory = directory
        self._secrets = secrets
        self._network = network
        self._revision = -1
        self._channel: Channel | None = None
        self._problem = ""
        self._retired: list[Channel] = []
        self._in_use = 0

    @property
    def document(self) -> ChannelDocument | None:
        """The channel as it is now; None where there is none, or none that can be read."""
        entry = self._directory.find(self._channel_id)
        return entry.channel if entry else None

    @property
    def dropped_because(self) -> str:
        """Why nothing is to be sent any more; empty: it is."""
        entry = self._directory.find(self._channel_id)
        if entry is None or entry.problem:
            return ""
        if entry.channel is None:
            return "the channel was deleted"
        return "" if entry.channel.enabled else "the channel is disabled"

    @property
    def is_unknown(self) -> bool:
        """Whether no channel of this name was ever heard of."""
        return self._directory.find(self._channel_id) is None

    async def send(self, notification: NotificationDue) -> Receipt:
        """Try once."""
        entry = self._directory.find(self._channel_id)
        if entry is None:
            return Receipt("retry", said=f"no channel is called {self._channel_id}", blocked=True)
        if entry.revision != self._revision:
            self._renew(entry)
        channel = self._channel
        if channel is None:
            # Another revision, or a variable that is set, can mend it; nothing was sent.
            self._revision = -1
            return Receipt("retry", said=self._problem, blocked=True)
        self._in_use += 1
        try:
            return await channel.send(notification, test=notification.test)
        finally:
            self._in_use -= 1
            await self._close_retired()

    async def close(self) -> None:
        """Close the connections."""
        if self._channel is not None:
            self._retired.append(self._channel)
            self._channel = None
        self._in_use = 0
        await self._close_retired()

    def _renew(self, entry: Entry) -> None:
        if self._channel is not None:
            self._retired.append(self._channel)
        self._channel, self._problem, self._revision = None, entry.problem, entry.revision
        if entry.channel is not None:
            try:
                self._channel = build(entry.channel, self._secrets, self._network)
            except (ConfigError, ForbiddenError) as exc:
                self._problem = str(exc)

    async def _close_retired(self) -> None:
        while self._retired and not self._in_use:
            await self._retired.pop().close()
