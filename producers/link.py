"""One connection to Kafka: an idempotent producer, made anew after every failure."""

import asyncio
import contextlib
import logging
from collections.abc import Sequence

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from schemas.codec import Codec
from schemas.errors import UnavailableError
from schemas.kafka import compression, connection, ensure_topics
from schemas.registry import Registry
from schemas.settings import KafkaSettings, RegistrySettings
from schemas.topics import Topic

CONNECT_S = 10.0
CLOSE_S = 2.0
_LINGER_MS = 5
BATCH_BYTES = 1 << 17
"""Most bytes of a batch of records; a record that is larger goes alone."""

logger = logging.getLogger(__name__)


class Link:
    """A started producer. Order within a partition holds: idempotent, ``acks=all``, one batch at a time."""

    def __init__(self, producer: AIOKafkaProducer, settings: KafkaSettings) -> None:
        self._producer = producer
        self._settings = settings

    @classmethod
    async def open(cls, settings: KafkaSettings, topics: Sequence[Topic]) -> "Link":
        """Connect, and create the topics that are missing.

        Raises:
            UnavailableError: Kafka does not answer within ``CONNECT_S``.
            RefusedError: Kafka will not create a topic.
        """
        producer = AIOKafkaProducer(
            **connection(settings),
            enable_idempotence=True,
            acks="all",
            compression_type=compression(settings),
            linger_ms=_LINGER_MS,
            max_batch_size=BATCH_BYTES,
        )
        link = cls(producer, settings)
        try:
            async with asyncio.timeout(CONNECT_S):
                await ensure_topics(settings, topics)
                await producer.start()
        except (KafkaError, OSError) as exc:  # a timeout is an OSError
            await link.close()
            reason = str(exc) or f"no answer within {CONNECT_S:.0f} s"
            raise UnavailableError(f"Kafka at {settings.bootstrap_servers}: {reason}") from exc
        except BaseException:
            await link.close()
            raise
        return link

    async def close(self) -> None:
        """Disconnect within two times ``CLOSE_S``; what is not acknowledged by now stays unacknowledged."""
        # AIOKafkaProducer.stop() (0.14) first waits until every batch is delivered: with the broker gone, for
        # ever. So its two parts are closed without it.
        self._producer._closed = True
        for part in (self._producer._sender, self._producer.client):
            with contextlib.suppress(TimeoutError, KafkaError, OSError):
                async with asyncio.timeout(CLOSE_S):
                    await part.close()

    async def send(
        self, topic: Topic, value: bytes, *, key: str | None, partition: int | None = None
    ) -> asyncio.Future[object]:
        """Hand a record over and return the future of its acknowledgement.

        Raises:
            KafkaError: it cannot be handed over.
        """
        name = topic.full_name(self._settings)
        raw = None if key is None else key.encode()
        acknowledged: asyncio.Future[object] = await self._producer.send(
            name, value, key=raw, partition=partition
        )
        return acknowledged

    async def send_batch(
        self, topic: Topic, partition: int, records: Sequence[tuple[bytes, bytes]]
    ) -> asyncio.Future[object]:
        """Hand records over together, each a key and a value, and return the future of their acknowledgement.

        They have to fit into ``BATCH_BYTES``.

        Raises:
            KafkaError: they cannot be handed over.
        """
        batch = self._producer.create_batch()
        for key, value in records:
            if batch.append(timestamp=None, key=key, value=value) is None:
                raise MessageSizeTooLargeError(f"{len(records)} records do not fit into a batch")
        batch.close()
        acknowledged: asyncio.Future[object] = await self._producer.send_batch(
            batch, topic.full_name(self._settings), partition=partition
        )
        return acknowledged

    async def partitions(self, topic: Topic) -> Sequence[int]:
        """Return the partitions of a topic.

        Raises:
            KafkaError: they cannot be asked for.
        """
        return sorted(await self._producer.partitions_for(topic.full_name(self._settings)))


async def fetch_codec(settings: RegistrySettings, topics: Sequence[Topic]) -> Codec:
    """Return a codec of the events of these topics.

    Raises:
        UnavailableError: the registry does not answer.
        RefusedError: the registry refuses a schema.
    """
    registry = Registry(settings)
    try:
        return await registry.codec(sorted({event for topic in topics for event in topic.events}))
    finally:
        await registry.close()
