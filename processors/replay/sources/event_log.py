"""ClickHouse's ``event_log`` as a source: every record of every stored topic, beyond what Kafka keeps.

Read in slices of time over HTTP, as RowBinary, in order; a slice is as long as tens of thousands of records
take, so that memory does not depend on the range.
"""

import ssl
import struct
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final

import httpx

from processors.replay.merge import merged
from processors.replay.source import Gap, Span
from processors.replay.sources.holes import Holes, Reading
from processors.replay.sources.registry_codec import RegistryCodec
from schemas.codec import Codec
from schemas.errors import RefusedError, UnavailableError
from schemas.log_file import LogRecord
from schemas.settings import Settings
from schemas.topics import Topic

CONNECT_S, ANSWER_S = 5.0, 120.0
SECOND_US: Final = 1_000_000
FIRST_SLICE_US: Final = 60 * SECOND_US
LONGEST_SLICE_US: Final = 24 * 3600 * SECOND_US
SLICE_RECORDS: Final = 8_000
# The year 2200: ClickHouse's times end before 2300.
LATEST_US: Final = 7_258_118_400 * SECOND_US
# A broken row must not be taken for an endless one.
_ROW = struct.Struct("<iqq")

_SPANS = """
SELECT topic, toUnixTimestamp64Micro(min(arrived_at)) AS first_at,
    toUnixTimestamp64Micro(max(arrived_at)) AS last_at, count() AS records, max(partition) + 1 AS partitions
FROM event_log WHERE topic IN {topics:Array(String)} GROUP BY topic
"""
_STARTS = """
SELECT topic, partition, min(offset) AS first_offset FROM event_log
WHERE topic IN {topics:Array(String)} GROUP BY topic, partition
"""
_NEXT = """
SELECT toUnixTimestamp64Micro(min(arrived_at)) AS at, count() AS records FROM event_log
WHERE topic IN {topics:Array(String)} AND arrived_at >= fromUnixTimestamp64Micro({since:Int64}, 'UTC')
    AND arrived_at < fromUnixTimestamp64Micro({until:Int64}, 'UTC')
"""
_READ = """
SELECT toString(topic), partition, offset, toUnixTimestamp64Micro(arrived_at), key, assumeNotNull(value)
FROM event_log
WHERE topic IN {topics:Array(String)} AND arrived_at >= fromUnixTimestamp64Micro({since:Int64}, 'UTC')
    AND arrived_at < fromUnixTimestamp64Micro({until:Int64}, 'UTC') AND isNotNull(value)
    AND (topic NOT IN {of_nodes:Array(String)} OR (
        (empty({partitions:Array(Int32)}) OR has({partitions:Array(Int32)}, partition))
        AND (empty({keys:Array(String)}) OR isNull(key) OR startsWith(assumeNotNull(key), '~')
            OR has({keys:Array(String)}, assumeNotNull(key)))))
ORDER BY arrived_at, topic, partition, offset
FORMAT RowBinary
"""


class EventLogSource:
    """The table of the settings' database; topics have the prefix of the settings there."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        store = settings.clickhouse
        self._prefix = settings.kafka.topic_prefix
        self._codec: Codec | None = None
        self._holes = Holes(
            "missing in event_log: the sink did not write it, or a transaction was given up",
            settings.kafka.partitions,
        )
        self._verify = ssl.create_default_context(cafile=store.ca_file) if store.ca_file else True

    @property
    def name(self) -> str:
        """Where it is."""
        store = self._settings.clickhouse
        return f"{store.database}.event_log at {store.url}"

    def codec(self) -> Codec:
        """Return a codec of the registry's schemas."""
        if self._codec is None:
            self._codec = RegistryCodec(self._settings.registry)
        return self._codec

    def holds(self, topics: Sequence[Topic]) -> Mapping[str, Span]:
        """Return what there is of each topic; see ``Source``."""
        found: dict[str, Span] = {}
        for row in self.rows(_SPANS, self._named(topics)):
            name = str(row["topic"]).removeprefix(self._prefix)
            found[name] = Span(row["first_at"], row["last_at"], row["records"], row["partitions"])
        for row in self.rows(_STARTS, self._named(topics)):
            name = str(row["topic"]).removeprefix(self._prefix)
            why = "expired: event_log no longer has it"
            self._holes.begin(name, row["partition"], row["first_offset"], why)
        return found

    def read(
        self,
        topics: Sequence[Topic],
        since: int,
        until: int,
        keys: Collection[str] = (),
        partitions: Collection[int] = (),
    ) -> Iterator[LogRecord]:
        """Yield the records of a range, in the order of a replay; see ``Source``."""
        reading = Reading(self._holes, whole=not keys)
        values = self._named(topics) | {
            "of_nodes": array(t.full_name(self._settings.kafka) for t in topics if t.key == "node_id"),
            "keys": array(sorted(keys)),
            "partitions": "[" + ",".join(map(str, sorted(partitions))) + "]",
        }
        since = max(0, since)
        until = min(until, LATEST_US)
        slice_us = FIRST_SLICE_US
        while since < until:
            records = self._slice(reading, values, since, min(until, since + slice_us))
            yield from records
            since += slice_us
            if not records:
                since = max(since, self._next(topics, since, until))
            slice_us = _adapted(slice_us, len(records))

    def gaps(self) -> Sequence[Gap]:
        """Return the offsets that were missing."""
        return self._holes.gaps()

    def _slice(self, reading: Reading, values: Mapping[str, str], since: int, until: int) -> list[LogRecord]:
        answer = self.ask(_READ, {**values, "since": str(since), "until": str(until)})
        records, rises = [], True
        seen: dict[tuple[str, int], int] = {}
        for record in _parsed(answer, self._prefix):
            place = record.topic, record.partition
            rises = rises and record.offset > seen.get(place, -1)
            seen[place] = record.offset
            records.append(record)
        if not rises:
            records = list(merged(_by_partition(records)))
        return [one for one in records if reading.see(one.topic, one.partition, one.offset)]

    def _next(self, topics: Sequence[Topic], since: int, until: int) -> int:
        """Return when the next record arrived, so that a time without any is passed over at once."""
        values = self._named(topics) | {"since": str(since), "until": str(until)}
        row = self.rows(_NEXT, values)[0]
        return int(row["at"]) if row["records"] else until

    def _named(self, topics: Sequence[Topic]) -> dict[str, str]:
        return {"topics": array(topic.full_name(self._settings.kafka) for topic in topics)}

    def rows(self, sql: str, values: Mapping[str, str]) -> list[Mapping[str, Any]]:
        """Return the rows of a query about the same database; ``values`` are its parameters."""
        answer = self.ask(sql + " FORMAT JSON SETTINGS output_format_json_quote_64bit_integers = 0", values)
        rows: list[Mapping[str, Any]] = httpx.Response(200, content=answer).json()["data"]
        return rows

    def ask(self, sql: str, values: Mapping[str, str]) -> bytes:
        """Return the answer to a query, in the format that it names.

        Raises:
            RefusedError: ClickHouse does not take it.
            UnavailableError: it cannot be reached.
        """
        store = self._settings.clickhouse
        options = {"database": store.database} | {f"param_{name}": value for name, value in values.items()}
        where = f"ClickHouse at {store.url} (setting clickhouse.url)"
        try:
            # A connection for each slice: a source is opened in many places, and nobody closes it.
            with self._connected() as http:
                answer = http.post("/", params=options, content=sql.encode())
        except httpx.HTTPError as exc:
            raise UnavailableError(f"{where}: {exc or type(exc).__name__}") from exc
        if not answer.is_success:
            raise RefusedError(f"{where}: {' '.join(answer.text.split())[:500]}")
        return answer.content

    def _connected(self) -> httpx.Client:
        store = self._settings.clickhouse
        return httpx.Client(
            base_url=store.url,
            verify=self._verify,
            timeout=httpx.Timeout(ANSWER_S, connect=CONNECT_S),
            headers={
                "X-ClickHouse-User": store.username,
                "X-ClickHouse-Key": store.password.get_secret_value(),
            },
            trust_env=False,
        )


def _adapted(slice_us: int, records: int) -> int:
    if records > SLICE_RECORDS:
        return max(SECOND_US, slice_us // 2)
    return min(LONGEST_SLICE_US, slice_us * 2) if records < SLICE_RECORDS // 2 else slice_us


def array(names: Any) -> str:  # noqa: ANN401 - any iterable of texts
    """Return an Array(String) as a parameter is written."""
    quoted = ("'" + name.replace("\\", "\\\\").replace("'", "\\'") + "'" for name in names)
    return "[" + ",".join(quoted) + "]"


def _by_partition(records: Sequence[LogRecord]) -> list[list[LogRecord]]:
    """Return the records of each partition, by offset: the broker's clock went back within the slice."""
    found: dict[tuple[str, int], list[LogRecord]] = {}
    for record in records:
        found.setdefault((record.topic, record.partition), []).append(record)
    return [sorted(one, key=lambda record: record.offset) for one in found.values()]


def _parsed(rows: bytes, prefix: str) -> Iterator[LogRecord]:
    """Yield the records in RowBinary: texts have their length before them as LEB128, a NULL is a byte 1."""
    topics: dict[bytes, str] = {}
    keys: dict[bytes, str] = {}
    at, end = 0, len(rows)
    unpack, width = _ROW.unpack_from, _ROW.size
    while at < end:
        raw, at = _text(rows, at)
        topic = topics.get(raw)
        if topic is None:
            topic = topics[raw] = raw.decode().removeprefix(prefix)
        partition, offset, arrived_at = unpack(rows, at)
        at += width
        key: str | None = None
        null, at = rows[at], at + 1
        if not null:
            raw, at = _text(rows, at)
            key = keys.get(raw)
            if key is None:
                key = raw.decode(errors="replace")
                if len(keys) < 10_000:
                    keys[raw] = key
        value, at = _text(rows, at)
        yield LogRecord(topic, partition, offset, arrived_at, key, value)


def _text(rows: bytes, at: int) -> tuple[bytes, int]:
    size = rows[at]
    at += 1
    if size > 0x7F:
        size &= 0x7F
        shift = 7
        while True:
            byte = rows[at]
            at += 1
            size |= (byte & 0x7F) << shift
            if byte < 0x80:
                break
            shift += 7
    return rows[at : at + size], at + size
