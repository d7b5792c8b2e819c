"""``penstock notifier``: the notifier, with its metrics on a port of its own."""

import asyncio
from contextlib import AsyncExitStack

from schemas.kafka import ensure_topics
from schemas.registry import Registry
from schemas.settings import Settings
from schemas.topics import CHANNELS, DEAD_LETTERS, NOTIFICATIONS
from sinks.monitor import monitored
from sinks.notify.channels import network_of
from sinks.notify.clock import SYSTEM, Clock
from sinks.notify.directory import Directory
from sinks.notify.facts import Facts
from sinks.notify.notifier import Notifier
from sinks.notify.patience import Patience
from sinks.notify.recall import Recall
from sinks.notify.secrets import SecretBox
from sinks.notify.services import Services
from sinks.notify.settling import Settling

EVENTS = ("notification_due", "delivery_attempted", "channel_changed", "dead_letter")


async def serve(settings: Settings, clock: Clock = SYSTEM) -> None:
    """Run a notifier until cancelled; whatever it needs and is not there yet is waited for.

    Raises:
        ConfigError: a setting cannot work.
        RefusedError: Kafka or the registry refuses what every notifier needs.
    """
    network, secrets, patience = network_of(settings), SecretBox.of(settings), Patience()
    async with AsyncExitStack() as open_:
        registry = Registry(settings.registry)
        open_.push_async_callback(registry.close)
        await open_.enter_async_context(
            monitored(settings.notifier.metrics_port, lambda: patience.away, setting="notifier.metrics_port")
        )
        codec = await patience.until_done("registry", lambda: registry.codec(EVENTS))
        topics = (CHANNELS, NOTIFICATIONS, DEAD_LETTERS)
        await patience.until_done("kafka", lambda: ensure_topics(settings.kafka, topics))
        facts = Facts(settings.kafka, codec, patience, clock)
        open_.push_async_callback(facts.close)
        recall = Recall(settings.kafka, codec, registry, patience)
        open_.push_async_callback(recall.close)
        directory = Directory(settings.kafka, codec, registry, patience)
        services = Services(
            settings=settings,
            clock=clock,
            codec=codec,
            registry=registry,
            patience=patience,
            directory=directory,
            facts=facts,
            settling=Settling(facts, clock),
            recall=recall,
            secrets=secrets,
            network=network,
        )
        following = asyncio.create_task(directory.run())
        open_.push_async_callback(_cancelled, following)
        sending = asyncio.create_task(Notifier(services).run())
        open_.push_async_callback(_cancelled, sending)
        await asyncio.wait([following, sending], return_when=asyncio.FIRST_COMPLETED)
        for task in (following, sending):
            if task.done():
                task.result()


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
