"""The clock: a tick to every partition of every topic with ticks, so that time passes where nothing happens.

A tick is worth something only when it is fresh. None is kept while Kafka is away, and none made up for.
"""

import asyncio
import contextlib
import time
import uuid
from collections.abc import Sequence

from aiokafka.errors import KafkaError

from producers.connector import Connector, quiet_client, reason
from producers.schedule import ticks
from schemas.events.clock_tick import ClockTick
from schemas.kafka import connection
from schemas.settings import Settings
from schemas.topics import TOPICS, Topic

TICKED = tuple(topic for topic in TOPICS if topic.ticks)


class Clock:
    """One run: ``seq`` counts its ticks from 0, sent or not."""

    def __init__(self, connector: Connector, interval_s: float, topics: Sequence[Topic] = TICKED) -> None:
        self._connector = connector
        self._interval_s = interval_s
        self._topics = topics
        self._clock_id = uuid.uuid4().hex
        self._seq = 0

    async def run(self) -> None:
        """Tick until cancelled."""
        self._connector.start()
        async for _ in ticks(self._interval_s):
            await self._tick()

    async def _tick(self) -> None:
        event = ClockTick(time.time_ns() // 1000, self._clock_id, self._seq, self._interval_s)
        self._seq += 1
        link, codec = self._connector.link, self._connector.codec
        if link is None or codec is None:
            return
        value = codec.encode(event)
        try:
            async with asyncio.timeout(self._interval_s):
                sent = [
                    await link.send(topic, value, key=None, partition=partition)
                    for topic in self._topics
                    for partition in await link.partitions(topic)
                ]
                await asyncio.gather(*sent)
        except (KafkaError, OSError) as exc:
            await self._connector.drop(reason(exc))


async def serve(settings: Settings) -> None:
    """Tick until cancelled.

    Raises:
        ConfigError: the settings of Kafka cannot work.
    """
    quiet_client(settings.log.level)
    connection(settings.kafka)
    connector = Connector(settings.kafka, settings.registry, TICKED)
    try:
        await Clock(connector, settings.clock.interval_s).run()
    finally:
        with contextlib.suppress(KafkaError):
            await connector.stop()
