"""``penstock sink``: tables first, then the sink, with its metrics on a port of its own."""

from contextlib import aclosing

from schemas.kafka import ensure_topics
from schemas.registry import Registry
from schemas.settings import Settings
from sinks.clickhouse.letters import Letters
from sinks.clickhouse.migrate import migrate
from sinks.clickhouse.patience import Waits
from sinks.clickhouse.sink import Sink
from sinks.clickhouse.store import Store
from sinks.clickhouse.writers import Writers
from sinks.clickhouse.writing import Writing
from sinks.monitor import monitored


async def serve(settings: Settings) -> None:
    """Run a sink until cancelled; whatever it needs and is not there yet is waited for.

    Raises:
        ConfigError: a setting cannot work.
        RefusedError: Kafka or the registry refuses what every sink needs.
    """
    registry, store, waits = Registry(settings.registry), Store(settings), Waits()
    writers = Writers(registry)
    try:
        async with monitored(settings.sink.metrics_port, lambda: waits.away):
            codec = await waits.registry.until_done(lambda: registry.codec(("dead_letter",)))
            await waits.registry.until_done(writers.register)
            await waits.clickhouse.until_done(lambda: migrate(store, settings.clickhouse))
            await waits.kafka.until_done(lambda: ensure_topics(settings.kafka))
            async with aclosing(Letters(settings.kafka, codec)) as letters:
                await Sink(settings, Writing(store, writers, letters, waits), waits).run()
    finally:
        await store.close()
        await registry.close()
