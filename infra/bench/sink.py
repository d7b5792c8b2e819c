"""Events from Kafka into ClickHouse: the sink, beside decoding in Python and inserting rows, over one topic.

Both make the same rows in the same tables. Rates are taken from the first rows that are there to the last, so
starting and joining the group are not in them. CPU is that of the process that reads Kafka and that of the
store together; the broker's is not in it. Seconds from broker to row are those of single samples under load,
seen by a reader that asks for them every ten milliseconds.
"""

import asyncio
import io
import statistics
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, NamedTuple
from uuid import uuid4

import clickhouse_connect
import fastavro
import httpx
import psutil
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from infra.bench.fleet import samples
from infra.bench.stack import servers
from infra.bench.table import Table
from schemas.codec import Codec, Event
from schemas.codec.catalog import latest
from schemas.codec.foreign import plain
from schemas.codec.framing import PREFIX_BYTES
from schemas.events.clock_tick import ClockTick
from schemas.kafka import connection, ensure_topics
from schemas.registry import Registry
from schemas.settings import Settings
from schemas.topics import TELEMETRY, topic_of
from sinks.clickhouse.migrate import migrate
from sinks.clickhouse.serve import serve
from sinks.clickhouse.store import Store
from sinks.clickhouse.tables import TABLES, columns, parents

NODES = 1000
DEADLINE_S = 600.0
LOOK_S = 0.01
# Asking costs the store a few milliseconds: seldom enough not to be measured with the rest.
POLL_S = 0.25
# Records of one insertion of the way that decodes, as clickhouse-connect's documentation advises.
DECODED_BATCH = 10_000


class Rate(NamedTuple):
    """How one way did with one kind of event."""

    way: str
    events: str
    number: int
    wall_s: float
    reader_cpu_s: float
    store_cpu_s: float

    @property
    def row(self) -> Sequence[object]:
        """Events a second, microseconds of CPU an event, and events for each second of CPU."""
        cpu_s = self.reader_cpu_s + self.store_cpu_s
        return (
            self.way,
            self.events,
            self.number,
            round(self.number / self.wall_s),
            round(1e6 * self.reader_cpu_s / self.number, 1),
            round(1e6 * self.store_cpu_s / self.number, 1),
            round(self.number / cpu_s),
        )


def run() -> Table:
    """Measure on servers of its own."""
    with servers() as settings:
        return asyncio.run(_run(settings))


async def _run(settings: Settings) -> Table:
    now = time.time_ns() // 1000
    one: list[Event] = list(samples(NODES, 1, 100, now))
    eight: list[Event] = list(samples(NODES, 8, 60, now))
    ticks = [ClockTick(now, "clock", seq, 5.0) for seq in range(300_000)]
    mixed: list[Event] = []
    for at, sample in enumerate(one):
        mixed += (sample, ticks[at]) if at % 50 == 0 else (sample,)
    rates = [
        await _sink(settings, "node_sample, 1 GPU", one),
        await _decoding(settings, "node_sample, 1 GPU", one[:40_000]),
        await _sink(settings, "node_sample, 8 GPUs", eight),
        await _decoding(settings, "node_sample, 8 GPUs", eight[:30_000]),
        await _sink(settings, "telemetry: 1 GPU and ticks", mixed),
        await _sink(settings, "clock_tick", ticks),
    ]
    p50_s, p99_s = await _latency(settings)
    return Table(
        "Sink: events into ClickHouse",
        ("way", "events", "count", "events/s", "reader µs/event", "store µs/event", "events/s per core"),
        [rate.row for rate in rates],
        f"Broker to row at 1,000 samples/s, batch_age_s {settings.sink.batch_age_s}:"
        f" p50 {p50_s:.2f} s, p99 {p99_s:.2f} s.",
    )


def _apart(settings: Settings) -> Settings:
    """Return settings with topics and a database of their own."""
    name = f"bench{uuid4().hex[:8]}"
    kafka = settings.kafka.model_copy(update={"topic_prefix": f"{name}."})
    store = settings.clickhouse.model_copy(update={"database": name})
    return settings.model_copy(update={"kafka": kafka, "clickhouse": store})


async def _fill(settings: Settings, events: Iterable[Event]) -> None:
    await ensure_topics(settings.kafka)
    codec = await _codec(settings)
    producer = AIOKafkaProducer(**connection(settings.kafka), compression_type="lz4", linger_ms=20)
    await producer.start()
    try:
        for event in events:
            node_id = getattr(event, "node_id", None)
            topic = (TELEMETRY if node_id is None else topic_of("node_sample")).full_name(settings.kafka)
            await producer.send(topic, codec.encode(event), node_id.encode() if node_id else None)
    finally:
        await producer.stop()


async def _codec(settings: Settings) -> Codec:
    registry = Registry(settings.registry)
    try:
        return await registry.codec_when_up()
    finally:
        await registry.close()


async def _sink(settings: Settings, what: str, events: Sequence[Event]) -> Rate:
    mine = _apart(settings)
    await _fill(mine, events)
    watch = Watch(mine)
    async with _serving(mine):
        return await watch.rate("sink", what, len(events))


@asynccontextmanager
async def _serving(settings: Settings) -> AsyncIterator[None]:
    task = asyncio.ensure_future(serve(settings))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _decoding(settings: Settings, what: str, events: Sequence[Event]) -> Rate:
    mine = _apart(settings)
    await _fill(mine, events)
    store = Store(mine)
    await migrate(store, mine.clickhouse)
    await store.close()
    watch = Watch(mine, counted="node_samples")
    task = asyncio.ensure_future(_decode_and_insert(mine, len(events)))
    rate = await watch.rate("decode and insert", what, len(events))
    await task
    return rate


async def _decode_and_insert(settings: Settings, count: int) -> None:
    """What a sink without envelopes would do: fastavro, and rows by clickhouse-connect."""
    schema = fastavro.parse_schema(plain(latest("node_sample").schema))
    host, _, port = settings.clickhouse.url.removeprefix("http://").partition(":")
    client = await clickhouse_connect.get_async_client(
        host=host, port=int(port), database=settings.clickhouse.database
    )
    consumer = AIOKafkaConsumer(
        TELEMETRY.full_name(settings.kafka),
        **connection(settings.kafka),
        group_id=f"{settings.kafka.topic_prefix}decoding",
        auto_offset_reset="earliest",
        isolation_level="read_committed",
    )
    await consumer.start()
    try:
        while count > 0:
            found = await consumer.getmany(timeout_ms=500, max_records=DECODED_BATCH)
            records = [record for some in found.values() for record in some]
            decoded: list[tuple[Any, Any]] = [
                (record, fastavro.schemaless_reader(io.BytesIO(record.value[PREFIX_BYTES:]), schema, None))
                for record in records
            ]
            # The table that is watched comes last.
            for table in reversed([each for each in TABLES if each.event == "node_sample"]):
                names = [column.name for column in (*columns(table), *parents(table))]
                rows = [row for record, event in decoded for row in _rows(table, record, event)]
                if rows:
                    await client.insert(
                        table.name, rows, [*names, "topic", "partition", "offset", "arrived_at"]
                    )
            count -= len(records)
    finally:
        await consumer.stop()
        await client.close()


def _rows(table: Any, record: Any, event: dict[str, Any]) -> Iterable[list[Any]]:  # noqa: ANN401 - kind by kind
    chains: list[list[dict[str, Any]]] = [[event]]
    for name in table.path:
        chains = [[*chain, item] for chain in chains for item in chain[-1][name]]
    for chain in chains:
        row = [_pick(chain[-1], event, column.source) for column in columns(table)]
        row += [chain[-2][parent.name] for parent in parents(table)]
        yield [*row, record.topic, record.partition, record.offset, record.timestamp * 1_000_000]


def _pick(record: dict[str, Any], event: dict[str, Any], source: str) -> Any:  # noqa: ANN401 - of any kind
    value: Any = record if source.partition(".")[0] in record else event
    for name in source.split("."):
        value = value[name]
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return [tuple(each.values()) for each in value]
    return None if value != value else value


class Watch:
    """Asks the store how far a way has come, and both processes what they have used."""

    def __init__(self, settings: Settings, counted: str = "event_log") -> None:
        self._settings = settings
        self._sql = f"SELECT count() FROM {settings.clickhouse.database}.{counted}"
        self._reader = psutil.Process()
        self._store = _listening(settings.embedded.clickhouse_port)

    async def rate(self, way: str, what: str, count: int) -> Rate:
        """Return the rate from the first rows that are there to the last."""
        async with httpx.AsyncClient(trust_env=False) as http:
            first = await self._until(http, lambda rows: rows > 0)
            last = await self._until(http, lambda rows: rows >= count)
        done, wall, reader, store = (after - before for before, after in zip(first, last, strict=True))
        return Rate(way, what, int(done), wall, reader, store)

    async def _until(self, http: httpx.AsyncClient, reached: Callable[[int], bool]) -> tuple[float, ...]:
        async with asyncio.timeout(DEADLINE_S):
            while True:
                answer = await http.post(self._settings.clickhouse.url, content=self._sql)
                rows = int(answer.text) if answer.is_success else 0
                if reached(rows):
                    return rows, time.perf_counter(), _cpu(self._reader), _cpu(self._store)
                await asyncio.sleep(POLL_S)


def _cpu(process: psutil.Process) -> float:
    used = process.cpu_times()
    return float(used.user + used.system)


def _listening(port: int) -> psutil.Process:
    for each in psutil.net_connections("tcp"):
        if each.status == psutil.CONN_LISTEN and each.laddr and each.laddr.port == port and each.pid:
            return psutil.Process(each.pid)
    raise LookupError(f"nothing listens on port {port}")


async def _latency(settings: Settings) -> tuple[float, float]:
    """Return p50 and p99 of the seconds from the broker's time of a sample to its row."""
    mine = _apart(settings)
    await ensure_topics(mine.kafka)
    codec = await _codec(mine)
    producer = AIOKafkaProducer(**connection(mine.kafka), compression_type="lz4")
    await producer.start()
    topic = TELEMETRY.full_name(mine.kafka)
    sent: dict[int, float] = {}
    seen: dict[int, float] = {}
    fleet = list(samples(NODES, 1, 20, time.time_ns() // 1000))
    sql = f"SELECT seq FROM {mine.clickhouse.database}.node_samples WHERE node_id = '{fleet[0].node_id}'"
    async with _serving(mine), httpx.AsyncClient(trust_env=False) as http:

        async def look() -> None:
            answer = await http.post(mine.clickhouse.url, content=sql)
            now = time.time()
            for seq in answer.text.split() if answer.is_success else ():
                seen.setdefault(int(seq), now)

        async def send() -> None:
            for at, sample in enumerate(fleet):
                first = sample.node_id == fleet[0].node_id
                future = await producer.send(topic, codec.encode(sample), sample.node_id.encode())
                if first or at % 100 == 0:
                    probe = fleet[0]._replace(seq=1_000_000 + at)
                    placed = await producer.send_and_wait(topic, codec.encode(probe), probe.node_id.encode())
                    sent[probe.seq] = placed.timestamp / 1000
                if at % 10 == 0:
                    await asyncio.sleep(0.01)
                del future

        sending = asyncio.ensure_future(send())
        async with asyncio.timeout(DEADLINE_S):
            while not sending.done() or not sent.keys() <= seen.keys():
                await look()
                await asyncio.sleep(LOOK_S)
        await sending
    await producer.stop()
    # The first seconds are those of the group forming.
    waited = sorted(seen[seq] - at for seq, at in sorted(sent.items())[len(sent) // 4 :])
    quantiles = statistics.quantiles(waited, n=100)
    return quantiles[49], quantiles[98]
