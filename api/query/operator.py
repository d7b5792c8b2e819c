"""What operators do, on its way to Kafka: each call waits until the broker has it, or says that it has not.

A fact that waits on a disk for Kafka to come back is right for a sensor and wrong here: who was told that
Kafka is away would find the action done an hour later.
"""

import asyncio

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from api.leaving import stop
from schemas.codec import Codec
from schemas.errors import UnavailableError
from schemas.events.operator_action import OperatorAction
from schemas.kafka import compression, connection
from schemas.registry import Registry
from schemas.settings import Settings
from schemas.topics import Topic

SEND_S = 5.0
_CLOSE_S = 2.0


class Operator:
    """Writes operator actions. Connects at the first one; after a failure, anew at the next."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._producer: AIOKafkaProducer | None = None
        self._codec: Codec | None = None
        # One connection attempt at a time.
        self._lock = asyncio.Lock()

    async def write(self, action: OperatorAction, topic: Topic, key: str) -> None:
        """Write one, and return once the broker has it.

        Raises:
            UnavailableError: Kafka or the registry do not take it within ``SEND_S``; it may still arrive.
        """
        try:
            async with asyncio.timeout(SEND_S):
                producer, codec = await self._connected()
                name = topic.full_name(self._settings.kafka)
                await producer.send_and_wait(name, codec.encode(action), key=key.encode())
        except (KafkaError, OSError) as exc:  # a timeout is an OSError
            address = self._settings.kafka.bootstrap_servers
            reason = str(exc) or f"no answer within {SEND_S:g} s"
            await self.close()
            raise UnavailableError(f"Kafka at {address} did not take the action: {reason}") from exc

    async def close(self) -> None:
        """Disconnect."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await stop(producer, within_s=_CLOSE_S)

    async def _connected(self) -> tuple[AIOKafkaProducer, Codec]:
        async with self._lock:
            if self._codec is None:
                registry = Registry(self._settings.registry)
                try:
                    self._codec = await registry.codec(("operator_action",))
                finally:
                    await registry.close()
            if self._producer is None:
                kafka = self._settings.kafka
                producer = AIOKafkaProducer(
                    **connection(kafka),
                    enable_idempotence=True,
                    acks="all",
                    compression_type=compression(kafka),
                )
                try:
                    await producer.start()
                except BaseException:
                    await stop(producer, within_s=_CLOSE_S)
                    raise
                self._producer = producer
            return self._producer, self._codec
