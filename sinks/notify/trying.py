"""Somebody tries a channel: a marked message, and what the receiver said to it."""

import time
import uuid

from schemas.channel_document import ChannelDocument
from schemas.errors import ConfigError
from schemas.events.notification_due import NotificationDue
from schemas.settings import Settings
from sinks.notify.channel import Receipt
from sinks.notify.channels import build, network_of
from sinks.notify.guard import ForbiddenError
from sinks.notify.secrets import SecretBox


async def send_test(channel: ChannelDocument, secrets: SecretBox, settings: Settings) -> Receipt:
    """Send a test once, whether the channel is enabled or not; say how it ended, without secrets."""
    try:
        way = build(channel, secrets, network_of(settings))
    except (ConfigError, ForbiddenError) as exc:
        return Receipt("refused", said=str(exc))
    began = time.monotonic()
    try:
        receipt = await way.send(test_notification(channel.id, time.time_ns() // 1000), test=True)
        return receipt._replace(took_ms=(time.monotonic() - began) * 1000)
    finally:
        await way.close()


def test_notification(channel_id: str, now_us: int) -> NotificationDue:
    """Return a notification that says that it is a test, each with an id of its own."""
    made = str(uuid.uuid4())
    return NotificationDue(
        id=made,
        group_id=f"test-{made}",
        revision=0,
        kind="opened",
        rule_id="test",
        rule_name="Test",
        severity="info",
        fleet="",
        nodes=(),
        channels=(channel_id,),
        title=f"Test of the channel {channel_id}",
        text="Somebody tries this channel. Nothing is wrong.",
        conditions=(),
        occurred_at=now_us,
        onset_at=now_us,
        fact_arrived_at=now_us,
        deferred_s=0.0,
        deferred_by="",
        test=True,
    )
