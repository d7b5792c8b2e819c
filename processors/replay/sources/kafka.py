"""Kafka as a source: what it still holds, committed records alone, partition by partition from a time on.

Records wait in a buffer for each partition until those of all others are known, so that they can be put in
order: memory is bounded by what Kafka sends at once for a partition.
"""

import asyncio
import heapq
from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from processors.replay.merge import placed
from processors.replay.source import FOREVER, UNKNOWN, Gap, Span
from processors.replay.sources.holes import Holes
from processors.replay.sources.log_file import Kept
from processors.replay.sources.registry_codec import RegistryCodec
from schemas.codec import Codec
from schemas.errors import UnavailableError
from schemas.kafka import connection
from schemas.log_file import LogRecord
from schemas.settings import Settings
from schemas.topics import Topic

FETCH_BYTES: Final = 256 << 10
WAIT_MS: Final = 200
# Without a record for so long, from a broker that said there were some.
STALLED_S: Final = 60.0


class KafkaSource:
    """The topics of the settings. Times are the broker's, of millisecond precision."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._codec: Codec | None = None
        self._holes = Holes("missing in Kafka: compacted, or a transaction was given up")

    @property
    def name(self) -> str:
        """Where it is."""
        return f"Kafka at {self._settings.kafka.bootstrap_servers}"

    def codec(self) -> Codec:
        """Return a codec of the registry's schemas."""
        if self._codec is None:
            self._codec = RegistryCodec(self._settings.registry)
        return self._codec

    def holds(self, topics: Sequence[Topic]) -> Mapping[str, Span]:
        """Return what there is of each topic; see ``Source``. Counts are not cheap to tell."""
        with _Reader(self._settings) as reader:
            return {
                topic.name: span
                for topic in topics
                if (span := self._span(reader, topic, reader.partitions(topic))) is not None
            }

    def read(
        self,
        topics: Sequence[Topic],
        since: int,
        until: int,
        keys: Collection[str] = (),
        partitions: Collection[int] = (),
    ) -> Iterator[LogRecord]:
        """Yield the records of a range, in the order of a replay; see ``Source``."""
        self._holes.again()
        kept = Kept(topics, keys, partitions)
        with _Reader(self._settings) as reader:
            lanes = [
                _Lane(topic.name, place, *reader.extent(place, since, until))
                for topic in topics
                for place in reader.partitions(topic)
                if topic.key != "node_id" or not partitions or place.partition in partitions
            ]
            reader.seek([lane for lane in lanes if lane.begin < lane.end])
            streams = [placed(reader.records(lane, lanes)) for lane in lanes if lane.begin < lane.end]
            for order, record in heapq.merge(*streams, key=lambda one: one[0]):
                self._holes.see(record.topic, record.partition, record.offset)
                if since <= order.at < until and kept.wants(record):
                    yield record

    def gaps(self) -> Sequence[Gap]:
        """Return the offsets that were missing."""
        return self._holes.gaps()

    def _span(self, reader: "_Reader", topic: Topic, places: Sequence[TopicPartition]) -> Span | None:
        first_at, last_at = FOREVER, 0
        for place in places:
            begin, end = reader.extent(place, 0, FOREVER)
            why = "expired or compacted: Kafka no longer has it"
            self._holes.begin(topic.name, place.partition, begin, why)
            times = reader.times(place, begin, end)
            if times is not None:
                first_at, last_at = min(first_at, times[0]), max(last_at, times[1])
        return Span(first_at, last_at, UNKNOWN, len(places)) if last_at else None


class _Lane:
    """A partition that is read from ``begin`` to ``end``."""

    def __init__(self, topic: str, place: TopicPartition, begin: int, end: int) -> None:
        self.topic = topic
        self.place = place
        self.begin = begin
        self.end = end
        self.buffer: deque[Any] = deque()
        self.done = begin >= end


class _Reader:
    """A consumer of aiokafka, without a group, driven by who reads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings.kafka
        self._runner = asyncio.Runner()
        self._consumer: Any = None

    def __enter__(self) -> "_Reader":
        try:
            self._run(self._start())
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        try:
            if self._consumer is not None:
                self._runner.run(self._consumer.stop())
        finally:
            self._runner.close()

    def partitions(self, topic: Topic) -> list[TopicPartition]:
        """Return the partitions of a topic, none if there is no such topic."""
        name = topic.full_name(self._settings)
        found: list[TopicPartition] = self._run(self._partitions(name))
        return found

    def extent(self, place: TopicPartition, since: int, until: int) -> tuple[int, int]:
        """Return the offsets of the first record at or after ``since``, and of the first at ``until``."""
        found: tuple[int, int] = self._run(self._extent(place, since, until))
        return found

    def times(self, place: TopicPartition, begin: int, end: int) -> tuple[int, int] | None:
        """Return when the first and the last record of a range arrived; None: there is none."""
        found: tuple[int, int] | None = self._run(self._times(place, begin, end))
        return found

    def seek(self, lanes: Sequence[_Lane]) -> None:
        """Begin to read partitions."""
        self._run(self._seek(lanes))

    def records(self, lane: _Lane, lanes: Sequence[_Lane]) -> Iterator[LogRecord]:
        """Yield the records of one partition; what comes of others on the way waits in their buffers."""
        while lane.buffer or not lane.done:
            if not lane.buffer:
                self._run(self._fill(lane, lanes))
            while lane.buffer:
                one = lane.buffer.popleft()
                if one.value is not None:
                    key = None if one.key is None else one.key.decode(errors="replace")
                    at = one.timestamp * 1000
                    yield LogRecord(lane.topic, one.partition, one.offset, at, key, one.value)

    def _run(self, coroutine: Any) -> Any:  # noqa: ANN401 - aiokafka has no types
        try:
            return self._runner.run(coroutine)
        except (KafkaError, OSError, TimeoutError) as exc:
            address = self._settings.bootstrap_servers
            why = str(exc) or type(exc).__name__
            raise UnavailableError(f"Kafka at {address} (setting kafka.bootstrap_servers): {why}") from exc

    async def _start(self) -> None:
        self._consumer = AIOKafkaConsumer(
            **connection(self._settings),
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=FETCH_BYTES,
        )
        await self._consumer.start()

    async def _partitions(self, name: str) -> list[TopicPartition]:
        # The consumer itself knows only of topics it is assigned.
        cluster = await self._consumer._client.fetch_all_metadata()
        return [TopicPartition(name, number) for number in sorted(cluster.partitions_for_topic(name) or ())]

    async def _extent(self, place: TopicPartition, since: int, until: int) -> tuple[int, int]:
        first = (await self._consumer.beginning_offsets([place]))[place]
        last = (await self._consumer.end_offsets([place]))[place]
        begin = await self._at(place, since, last) if since > 0 else first
        end = await self._at(place, until, last) if until < FOREVER else last
        return max(first, begin), end

    async def _at(self, place: TopicPartition, at: int, last: int) -> int:
        """Return the offset of the first record at or after a time."""
        found = (await self._consumer.offsets_for_times({place: -(-at // 1000)}))[place]
        return last if found is None else int(found.offset)

    async def _times(self, place: TopicPartition, begin: int, end: int) -> tuple[int, int] | None:
        if begin >= end:
            return None
        first = await self._one(place, begin, end)
        if first is None:
            return None
        # The last offsets may be marks of transactions, which are no records.
        for back in (1, 8, 64, 512):
            last = await self._last(place, max(begin, end - back), end)
            if last is not None:
                return first, last
        return first, first

    async def _one(self, place: TopicPartition, begin: int, end: int) -> int | None:
        for record in await self._range(place, begin, end, 1):
            return int(record.timestamp * 1000)
        return None

    async def _last(self, place: TopicPartition, begin: int, end: int) -> int | None:
        found = await self._range(place, begin, end, 1000)
        return int(found[-1].timestamp * 1000) if found else None

    async def _seek(self, lanes: Sequence[_Lane]) -> None:
        self._consumer.assign([lane.place for lane in lanes])
        for lane in lanes:
            self._consumer.seek(lane.place, lane.begin)

    async def _range(self, place: TopicPartition, begin: int, end: int, most: int) -> list[Any]:
        self._consumer.assign([place])
        self._consumer.seek(place, begin)
        found: list[Any] = []
        async with asyncio.timeout(STALLED_S):
            while len(found) < most and await self._consumer.position(place) < end:
                got = await self._consumer.getmany(place, timeout_ms=WAIT_MS, max_records=most)
                found += [one for one in got.get(place, ()) if one.offset < end]
        return found

    async def _fill(self, lane: _Lane, lanes: Sequence[_Lane]) -> None:
        """Fetch until something of a partition is there, or it is at its end."""
        of = {each.place: each for each in lanes}
        async with asyncio.timeout(STALLED_S):
            while not lane.buffer and not lane.done:
                empty = [each.place for each in lanes if not each.done and not each.buffer]
                got = await self._consumer.getmany(*empty, timeout_ms=WAIT_MS)
                for place, records in got.items():
                    of[place].buffer.extend(one for one in records if one.offset < of[place].end)
                for place in empty:
                    if await self._consumer.position(place) >= of[place].end:
                        of[place].done = True
