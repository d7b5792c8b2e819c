"""What a replay says into Kafka topics with a prefix of their own."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from processors.replay.digest import NAMES
from processors.replay.share import Said
from schemas.codec import Codec
from schemas.errors import UnavailableError
from schemas.kafka import compression, connection, ensure_topics
from schemas.registry import Registry
from schemas.settings import KafkaSettings, Settings

# Events that are sent together; they wait in memory until then.
BATCH: Final = 2000


@contextmanager
def topics(prefix: str, partitions: int, settings: Settings) -> Iterator["Topics"]:
    """Open the topics with a prefix; what has been taken is there when it is left.

    Raises:
        UnavailableError: Kafka or the registry is away.
        RefusedError: Kafka does not create a topic.
    """
    kafka = settings.kafka.model_copy(update={"topic_prefix": prefix, "partitions": partitions})
    with asyncio.Runner() as runner:
        found = Topics(kafka, runner, runner.run(_codec(settings)))
        try:
            yield found
            found.flush()
        finally:
            found.close()


class Topics:
    """Sends in batches, in order within each partition."""

    def __init__(self, settings: KafkaSettings, runner: asyncio.Runner, codec: Codec) -> None:
        self._settings = settings
        self._runner = runner
        self._codec = codec
        self._waiting: list[tuple[Said, bytes]] = []
        self._made: set[str] = set()
        self._producer: Any = None

    def take(self, said: Said) -> None:
        """Take one event."""
        value = self._codec.frame(NAMES[type(said.record.event)], said.body)
        self._waiting.append((said, value))
        if len(self._waiting) >= BATCH:
            self.flush()

    def flush(self) -> None:
        """Send what waits."""
        waiting, self._waiting = self._waiting, []
        try:
            self._runner.run(self._send(waiting))
        except (KafkaError, OSError) as exc:
            address = self._settings.bootstrap_servers
            raise UnavailableError(f"Kafka at {address} (setting kafka.bootstrap_servers): {exc}") from exc

    def close(self) -> None:
        """Disconnect."""
        if self._producer is not None:
            self._runner.run(self._producer.stop())

    async def _send(self, waiting: list[tuple[Said, bytes]]) -> None:
        new = {said.record.topic for said, _ in waiting if said.record.topic.name not in self._made}
        await ensure_topics(self._settings, new)
        self._made |= {topic.name for topic in new}
        if self._producer is None:
            options = connection(self._settings)
            self._producer = AIOKafkaProducer(
                **options, compression_type=compression(self._settings), linger_ms=5
            )
            await self._producer.start()
        sent = []
        for said, value in waiting:
            record = said.record
            name, key = record.topic.full_name(self._settings), record.key
            raw = None if key is None else key.encode()
            sent.append(await self._producer.send(name, value, raw, partition=record.partition))
        await asyncio.gather(*sent)


async def _codec(settings: Settings) -> Codec:
    registry = Registry(settings.registry)
    try:
        return await registry.codec()
    finally:
        await registry.close()
