"""Kafka as a source: what it still holds, committed records alone, partition by partition from a time on.

Records wait in a buffer for each partition until those of all others are known, so that they can be put in
order: memory is bounded by what Kafka sends at once for a partition.
"""

import asyncio
import heapq
from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from processors.replay.merge import placed
from processors.replay.source import FOREVER, UNKNOWN, Gap, Span
from processors.replay.sources.holes import Holes, Reading
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
        self._holes = Holes(
            "missing in Kafka: compacted, or a transaction was given up", settings.kafka.partitions
        )

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
            places = {topic: reader.partitions(topic) for topic in topics}
            ends = reader.ends([place for each in places.values() for place in each])
        spans = {topic.name: self._span(topic, [ends[place] for place in places[topic]]) for topic in topics}
        return {name: span for name, span in spans.items() if span is not None}

    def read(
        self,
        topics: Sequence[Topic],
        since: int,
        until: int,
        keys: Collection[str] = (),
        partitions: Collection[int] = (),
    ) -> Iterator[LogRecord]:
        """Yield the records of a range, in the order of a replay; see ``Source``."""
        seen = Reading(self._holes)
        kept = Kept(topics, keys, partitions)
        with _Reader(self._settings) as reader:
            places = {
                place: topic
                for topic in topics
                for place in reader.partitions(topic)
                if topic.key != "node_id" or not partitions or place.partition in partitions
            }
            extents = reader.extents(list(places), since, until)
            lanes = [_Lane(topic.name, place, *extents[place]) for place, topic in places.items()]
            reader.seek([lane for lane in lanes if lane.begin < lane.end])
            streams = [placed(reader.records(lane, lanes)) for lane in lanes if lane.begin < lane.end]
            for order, record in heapq.merge(*streams, key=lambda one: one[0]):
                seen.see(record.topic, record.partition, record.offset)
                if since <= order.at < until and kept.wants(record):
                    yield record

    def gaps(self) -> Sequence[Gap]:
        """Return the offsets that were missing."""
        return self._holes.gaps()

    def _span(self, topic: Topic, ends: Sequence["_Ends"]) -> Span | None:
        for partition, one in enumerate(ends):
            why = "expired or compacted: Kafka no longer has it"
            self._holes.begin(topic.name, partition, one.begin, why)
        filled = [one for one in ends if one.last_at]
        if not filled:
            return None
        first_at, last_at = min(one.first_at for one in filled), max(one.last_at for one in filled)
        return Span(first_at, last_at, UNKNOWN, len(ends))


class _Ends(NamedTuple):
    """First offset of a partition, and when its first and last records arrived; 0: it has none."""

    begin: int
    first_at: int
    last_at: int


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
        self._cluster: Any = None

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

    def extents(
        self, places: Sequence[TopicPartition], since: int, until: int
    ) -> Mapping[TopicPartition, tuple[int, int]]:
        """Return the offsets of the first record at or after ``since``, and of the first at ``until``."""
        found: Mapping[TopicPartition, tuple[int, int]] = self._run(self._extents(places, since, until))
        return found

    def ends(self, places: Sequence[TopicPartition]) -> Mapping[TopicPartition, _Ends]:
        """Return what partitions begin and end with."""
        found: Mapping[TopicPartition, _Ends] = self._run(self._ends(places))
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
        if self._cluster is None:
            # The consumer itself knows only of topics it is assigned.
            self._cluster = await self._consumer._client.fetch_all_metadata()
        found = self._cluster.partitions_for_topic(name) or ()
        return [TopicPartition(name, number) for number in sorted(found)]

    async def _extents(
        self, places: Sequence[TopicPartition], since: int, until: int
    ) -> Mapping[TopicPartition, tuple[int, int]]:
        first = await self._consumer.beginning_offsets(places)
        last = await self._consumer.end_offsets(places)
        begin = await self._at(places, since, last) if since > 0 else first
        end = await self._at(places, until, last) if until < FOREVER else last
        return {place: (max(first[place], begin[place]), end[place]) for place in places}

    async def _at(
        self, places: Sequence[TopicPartition], at: int, last: Mapping[TopicPartition, int]
    ) -> Mapping[TopicPartition, int]:
        """Return the offsets of the first records at or after a time."""
        found = await self._consumer.offsets_for_times(dict.fromkeys(places, -(-at // 1000)))
        return {place: last[place] if one is None else int(one.offset) for place, one in found.items()}

    async def _ends(self, places: Sequence[TopicPartition]) -> Mapping[TopicPartition, _Ends]:
        extents = await self._extents(places, 0, FOREVER)
        filled = [place for place, (begin, end) in extents.items() if begin < end]
        firsts = await self._consumer.offsets_for_times(dict.fromkeys(filled, 0)) if filled else {}
        lasts: dict[TopicPartition, int] = {}
        # The last offsets may be marks of transactions, which are no records.
        for back in (16, 1024):
            left = [place for place in filled if place not in lasts]
            ranges = {
                place: (max(extents[place][0], extents[place][1] - back), extents[place][1]) for place in left
            }
            lasts |= await self._lasts(ranges)
        return {
            place: _Ends(begin, firsts[place].timestamp * 1000 if place in lasts else 0, lasts.get(place, 0))
            for place, (begin, _) in extents.items()
        }

    async def _lasts(self, ranges: Mapping[TopicPartition, tuple[int, int]]) -> dict[TopicPartition, int]:
        """Return when the last records of ranges arrived, of those that have any."""
        found: dict[TopicPartition, int] = {}
        if not ranges:
            return found
        self._consumer.assign(list(ranges))
        for place, (begin, _) in ranges.items():
            self._consumer.seek(place, begin)
        open_ = set(ranges)
        async with asyncio.timeout(STALLED_S):
            while open_:
                got = await self._consumer.getmany(*open_, timeout_ms=WAIT_MS)
                for place, records in got.items():
                    times = [one.timestamp * 1000 for one in records if one.offset < ranges[place][1]]
                    found[place] = max([found.get(place, 0), *times])
                open_ = {one for one in open_ if await self._consumer.position(one) < ranges[one][1]}
        return {place: at for place, at in found.items() if at}

    async def _seek(self, lanes: Sequence[_Lane]) -> None:
        self._consumer.assign([lane.place for lane in lanes])
        for lane in lanes:
            self._consumer.seek(lane.place, lane.begin)

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
