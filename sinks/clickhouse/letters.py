"""Dead letters of the sink, into Kafka, from where it stores them like any other event.

Their ids follow from topic, partition and offset. A sink that dies between sending and committing sends them
again, and the table of dead letters takes each id once.
"""

import asyncio
from collections.abc import Sequence

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from processors.faust.letters import Source, dead_letter
from processors.stage import Rejected
from schemas.codec import Codec
from schemas.errors import UnavailableError
from schemas.kafka import compression, connection
from schemas.settings import KafkaSettings
from schemas.topics import DEAD_LETTERS
from sinks.clickhouse.record import Record
from sinks.metrics import DEAD_LETTERS as COUNTED

READER = "sink"
# Of one batch. event_log has the bytes of all; the last letter says how many got none of their own.
MOST_A_BATCH = 1000


class Letters:
    """Writes dead letters; ``codec`` knows the registry's id of their schema."""

    def __init__(self, settings: KafkaSettings, codec: Codec) -> None:
        self._settings = settings
        self._codec = codec
        self._topic = DEAD_LETTERS.full_name(settings)
        self._producer: AIOKafkaProducer | None = None
        self._lock = asyncio.Lock()

    async def aclose(self) -> None:
        """Close the connection."""
        if self._producer is not None:
            await self._producer.stop()

    async def send(self, topic: str, rejected: Sequence[tuple[Record, Rejected]]) -> None:
        """Write a letter for each record of a topic, in order; done when Kafka has them all.

        A record of the topic of dead letters gets none: a letter nobody can read would beget the next.

        Raises:
            UnavailableError: Kafka is away.
        """
        for _, why in rejected:
            COUNTED.labels(topic, why.reason).inc()
        if topic == self._topic or not rejected:
            return
        values = self._values(topic, rejected)
        try:
            producer = await self._started()
            sent = [await producer.send(self._topic, value, key=topic.encode()) for value in values]
            await asyncio.gather(*sent)
        except KafkaError as exc:
            raise UnavailableError(f"Kafka does not take dead letters: {exc!r}") from exc

    def _values(self, topic: str, rejected: Sequence[tuple[Record, Rejected]]) -> Sequence[bytes]:
        kept = rejected[:MOST_A_BATCH]
        suppressed = len(rejected) - len(kept)
        last = len(kept) - 1
        return [
            self._codec.encode(
                dead_letter(
                    Source(READER, topic, record.partition), record, why, suppressed if at == last else 0
                )
            )
            for at, (record, why) in enumerate(kept)
        ]

    async def _started(self) -> AIOKafkaProducer:
        async with self._lock:
            if self._producer is None:
                producer = AIOKafkaProducer(
                    **connection(self._settings),
                    acks="all",
                    enable_idempotence=True,
                    compression_type=compression(self._settings),
                )
                await producer.start()
                self._producer = producer
            return self._producer
