"""``penstock sink``: tables first, then the sink, with its metrics on a port of its own."""

import logging

from schemas.kafka import ensure_topics
from schemas.registry import Registry
from schemas.settings import Settings
from sinks.clickhouse.letters import Letters
from sinks.clickhouse.migrate import migrate
from sinks.clickhouse.sink import Sink
from sinks.clickhouse.store import Store
from sinks.clickhouse.writers import Writers
from sinks.clickhouse.writing import Writing
from sinks.monitor import monitored

logger = logging.getLogger(__name__)


async def serve(settings: Settings) -> None:
    """Run a sink until cancelled; whatever it needs and is not there yet is waited for.

    Raises:
        ConfigError: a setting cannot work.
        RefusedError: Kafka or the registry refuses what every sink needs.
    """
    registry, store = Registry(settings.registry), Store(settings)
    writers = Writers(registry)
    letters: Letters | None = None
    try:
        codec = await registry.codec_when_up(("dead_letter",))
        letters = Letters(settings.kafka, codec)
        writing = Writing(store, writers, letters)
        async with monitored(settings.sink.metrics_port, lambda: writing.waiting_for):
            await writing.registry_patience.until_done(writers.register)
            await writing.store_patience.until_done(lambda: migrate(store, settings.clickhouse))
            await writing.kafka_patience.until_done(lambda: ensure_topics(settings.kafka))
            await Sink(settings, writing).run()
    finally:
        if letters is not None:
            await letters.close()
        await store.close()
        await registry.close()
