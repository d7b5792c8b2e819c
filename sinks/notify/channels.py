"""From a channel's document to the channel: the one table of kinds."""

from typing import assert_never

from schemas.channel_document import (
    AlertmanagerChannel,
    AlertmanagerWebhookChannel,
    ChannelDocument,
    EmailChannel,
    PagerDutyChannel,
    SlackChannel,
    StdoutChannel,
    WebhookChannel,
    parse,
)
from schemas.settings import Settings
from sinks.notify.alertmanager import Alertmanager
from sinks.notify.alertmanager_webhook import AlertmanagerWebhook
from sinks.notify.channel import Channel
from sinks.notify.email import Email
from sinks.notify.guard import Allowance
from sinks.notify.http import Network
from sinks.notify.pagerduty import PagerDuty
from sinks.notify.secrets import SecretBox
from sinks.notify.slack import Slack
from sinks.notify.stdout import Stdout
from sinks.notify.webhook import Webhook

__all__ = ["build", "network_of", "parse"]


def network_of(settings: Settings) -> Network:
    """Return how channels may reach the world, by the settings.

    Raises:
        ConfigError: ``notifier.allow`` is not right.
    """
    return Network(Allowance.of(settings.notifier.allow), settings.notifier.timeout_s)


def build(channel: ChannelDocument, secrets: SecretBox, network: Network) -> Channel:
    """Return a channel that can send; nothing is connected yet.

    Raises:
        ConfigError: an address or a secret of it cannot be used.
        ForbiddenError: its address is one that no notification may go to.
    """
    match channel:
        case WebhookChannel():
            return Webhook(channel.settings, secrets, network)
        case SlackChannel():
            return Slack(channel.settings, secrets, network)
        case PagerDutyChannel():
            return PagerDuty(channel.settings, secrets, network)
        case EmailChannel():
            return Email(channel.settings, secrets, network)
        case AlertmanagerChannel():
            return Alertmanager(channel.settings, secrets, network)
        case AlertmanagerWebhookChannel():
            return AlertmanagerWebhook(channel.id, channel.settings, secrets, network)
        case StdoutChannel():
            return Stdout(network.timeout_s)
        case _:
            assert_never(channel)
