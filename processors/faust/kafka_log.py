"""One partition of a stage in Kafka: a transactional producer, and readers for finding the memory again."""

import asyncio
import contextlib
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import InvalidProducerEpoch, KafkaError, ProducerFenced
from aiokafka.structs import OffsetAndMetadata

from processors.faust.changelog import Written
from processors.faust.letters import Record
from processors.faust.log import FencedError, Span, Transaction
from schemas.errors import UnavailableError
from schemas.kafka import compression, connection
from schemas.settings import KafkaSettings
from schemas.topic_id import topic_ids

logger = logging.getLogger(__name__)

# Uncompressed, so that no batch is over the 1 MiB a broker takes, whatever the compression makes of it.
BATCH_BYTES = 900 * 1024
# An open transaction holds up every read_committed reader behind it; the broker ends it after this.
TRANSACTION_TIMEOUT_S = 30
CLOSE_TIMEOUT_S = 5
RETRY_S = 1.0
# Key and value of a record.
_Pair = tuple[bytes | None, bytes | None]


@dataclass(frozen=True, slots=True)
class Names:
    """The full names that one partition of a stage goes by in Kafka."""

    source: str
    states: str
    group: str
    partition: int

    @property
    def transactional_id(self) -> str:
        """One for each stage and partition: who opens it shuts out whoever had it before."""
        return f"{self.group}-{self.partition}"


class KafkaLog:
    """``processors.faust.log.Log`` over aiokafka."""

    def __init__(self, settings: KafkaSettings, names: Names) -> None:
        self._settings = settings
        self._names = names
        self._source = TopicPartition(names.source, names.partition)
        self._states = TopicPartition(names.states, names.partition)
        self._producer: Any = None

    async def open(self) -> None:
        """Start the transactional producer, which fences a former owner and ends its open transaction."""
        await self.close()
        with _explained("opening"):
            self._producer = AIOKafkaProducer(
                **connection(self._settings),
                transactional_id=self._names.transactional_id,
                transaction_timeout_ms=TRANSACTION_TIMEOUT_S * 1000,
                max_batch_size=BATCH_BYTES,
                compression_type=compression(self._settings),
            )
            async with asyncio.timeout(TRANSACTION_TIMEOUT_S):
                await self._producer.start()

    async def span(self) -> Span:
        """Return the source's id, and its first and last offset."""
        ids = await topic_ids(self._settings, [self._names.source])
        if self._names.source not in ids:
            raise UnavailableError(f"there is no topic {self._names.source}")
        async with self._reader(self._source) as reader:
            first, end = await _extent(reader, self._source)
        return Span(ids[self._names.source], first, end)

    async def changelog(self) -> AsyncIterator[Sequence[Written]]:
        """Return the committed records of the states' partition, all of them."""
        async with self._reader(self._states) as reader:
            first, end = await _extent(reader, self._states)
            async for records in _range(reader, self._states, first, end):
                yield [(record.key, record.value) for record in records]

    async def source(self, begin: int, end: int) -> AsyncIterator[Sequence[Record]]:
        """Return the committed records of a range of the source's partition."""
        async with self._reader(self._source) as reader:
            async for records in _range(reader, self._source, begin, end):
                yield records

    async def write(self, transaction: Transaction) -> None:
        """Commit outputs, changelog and the group's offset in one Kafka transaction."""
        with _explained("writing to"):
            async with asyncio.timeout(TRANSACTION_TIMEOUT_S):
                await self._write(transaction)

    async def close(self) -> None:
        """Stop the producer; an open transaction is ended by who opens the partition next."""
        producer, self._producer = self._producer, None
        if producer is None:
            return
        try:
            await asyncio.wait_for(producer.stop(), CLOSE_TIMEOUT_S)
        except (KafkaError, OSError, TimeoutError):
            # It waits for deliveries that a broker which is away will not take.
            with contextlib.suppress(KafkaError, OSError, TimeoutError):
                await asyncio.wait_for(producer.client.close(), CLOSE_TIMEOUT_S)

    async def _write(self, transaction: Transaction) -> None:
        producer = self._producer
        await producer.begin_transaction()
        sent: list[Any] = []
        try:
            for place, records in self._by_partition(transaction).items():
                await self._send(place, records, sent)
            offset = {self._source: OffsetAndMetadata(transaction.next_offset, "")}
            await producer.send_offsets_to_transaction(offset, self._names.group)
        finally:
            outcomes = await asyncio.gather(*sent, return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
        await producer.commit_transaction()

    def _by_partition(self, transaction: Transaction) -> dict[TopicPartition, list[_Pair]]:
        places: dict[TopicPartition, list[_Pair]] = defaultdict(list)
        for topic, partition, key, value in transaction.outputs:
            places[topic, partition].append((key, value))
        if transaction.changelog:
            places[self._states].extend(transaction.changelog)
        return places

    async def _send(self, place: tuple[str, int], records: Sequence[_Pair], sent: list[Any]) -> None:
        """Send whole batches: one append for each record where ``send`` would make a future for each."""
        topic, partition = place
        batch = self._producer.create_batch()
        for key, value in records:
            if batch.append(timestamp=None, key=key, value=value) is None:
                sent.append(await self._producer.send_batch(batch, topic, partition=partition))
                batch = self._producer.create_batch()
                batch.append(timestamp=None, key=key, value=value)
        sent.append(await self._producer.send_batch(batch, topic, partition=partition))

    @contextlib.asynccontextmanager
    async def _reader(self, place: TopicPartition) -> AsyncIterator[Any]:
        reader = AIOKafkaConsumer(
            **connection(self._settings),
            isolation_level="read_committed",
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            max_partition_fetch_bytes=4 << 20,
        )
        with _explained("reading"):
            try:
                await reader.start()
                reader.assign([place])
                yield reader
            finally:
                await reader.stop()


@contextlib.contextmanager
def _explained(doing: str) -> Any:  # noqa: ANN401 - a context manager yields nothing
    """Turn aiokafka's errors into what the runner should do about them."""
    try:
        yield
    except (ProducerFenced, InvalidProducerEpoch) as exc:
        raise FencedError(str(exc)) from exc
    except TimeoutError as exc:
        text = f"{doing} Kafka took more than {TRANSACTION_TIMEOUT_S} s"
        raise UnavailableError(text, retry_after_s=RETRY_S) from exc
    except (KafkaError, OSError) as exc:
        raise UnavailableError(f"{doing} Kafka: {exc!r}", retry_after_s=RETRY_S) from exc


async def _extent(reader: Any, place: TopicPartition) -> tuple[int, int]:  # noqa: ANN401 - aiokafka has no types
    first = (await reader.beginning_offsets([place]))[place]
    end = (await reader.end_offsets([place]))[place]
    return int(first), int(end)


async def _range(reader: Any, place: TopicPartition, begin: int, end: int) -> AsyncIterator[list[Any]]:  # noqa: ANN401
    """Yield the records of a range.

    Seeks to an offset: aiokafka 0.14's ``seek_to_beginning`` can leave a fresh reader at the end.
    """
    reader.seek(place, begin)
    while await reader.position(place) < end:
        for records in (await reader.getmany(place, timeout_ms=200)).values():
            yield [record for record in records if record.offset < end]
