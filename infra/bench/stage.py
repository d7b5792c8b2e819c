"""Samples through the node stage, exactly-once on, beside two ways that do less, over the same topic.

Every way runs in a process of its own and reads the same records: plain aiokafka and bare Faust decode only,
ours decodes, folds, encodes the outputs and commits them. The clocks start when a way is ready to read. Rates
are for each second of CPU of that process, all its threads; the broker's own CPU is not in them.
"""

import asyncio
import multiprocessing
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any, NamedTuple
from uuid import uuid4

import faust
import mode.loop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from infra.bench.fleet import samples
from infra.bench.stack import servers
from infra.bench.table import Table
from processors.faust import metrics
from processors.faust.intake import Intake
from processors.faust.runner import StageRunner
from processors.faust.worker import spare_the_collector
from processors.node.stage import NodeStage
from schemas.errors import RefusedError
from schemas.kafka import connection, ensure_topics
from schemas.registry import Registry
from schemas.settings import Settings
from schemas.topics import TELEMETRY

DEADLINE_S = 300.0
NODES = 1000
# GPUs of a node, and seconds of telemetry.
FLEETS = ((1, 120), (8, 40))
COLUMNS = ("way", "GPUs", "samples/s of CPU", "samples/s", "of plain aiokafka")
TITLES = {
    "plain_aiokafka": "plain aiokafka: decode",
    "bare_faust": "bare Faust, stream.events(): decode",
    "node_stage": "node stage: decode, fold, outputs, states and offsets in transactions",
}
NOTE = (
    f"{NODES} nodes at 1 Hz, four partitions, one worker process. CPU is that of the reading process, with "
    "all its threads, from when it is ready to read; the broker's is not in it."
)


class Rate(NamedTuple):
    """How one way did."""

    way: str
    gpus: int
    records: int
    wall_s: float
    cpu_s: float

    @property
    def per_core(self) -> float:
        """Records for each second of CPU."""
        return self.records / self.cpu_s


def run() -> Table:
    """Measure nodes of one GPU and of eight, on servers of its own."""
    with servers() as settings:
        rates = [rate for gpus, seconds in FLEETS for rate in measure(settings, gpus=gpus, seconds=seconds)]
    return Table("Node stage", COLUMNS, [_row(rate, rates) for rate in rates], NOTE)


def _row(rate: Rate, rates: Sequence[Rate]) -> Sequence[object]:
    plain = next(each for each in rates if each.gpus == rate.gpus)
    return (
        TITLES[rate.way],
        rate.gpus,
        f"{rate.per_core:,.0f}",
        f"{rate.records / rate.wall_s:,.0f}",
        f"{rate.per_core / plain.per_core:.2f}",
    )


def measure(settings: Settings, *, gpus: int, seconds: int) -> Sequence[Rate]:
    """Fill a topic of its own with ``seconds`` of a fleet of ``NODES``, and read it in every way.

    Needs Kafka and the registry of the settings; the topics are called bench-... and are left to expire.
    """
    kafka = settings.kafka.model_copy(update={"topic_prefix": f"bench-{uuid4().hex[:8]}."})
    settings = settings.model_copy(update={"kafka": kafka})
    records = asyncio.run(_fill(settings, gpus, seconds))
    rates = []
    for way in (_plain_aiokafka, _bare_faust, _node_stage):
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
            wall_s, cpu_s = process.submit(_timed, way, settings, records).result()
        rates.append(Rate(way.__name__.strip("_"), gpus, records, wall_s, cpu_s))
    return rates


async def _fill(settings: Settings, gpus: int, seconds: int) -> int:
    await ensure_topics(settings.kafka)
    registry = Registry(settings.registry)
    codec = await registry.codec_when_up()
    await registry.close()
    name = TELEMETRY.full_name(settings.kafka)
    producer = AIOKafkaProducer(**connection(settings.kafka), compression_type="lz4", linger_ms=20)
    await producer.start()
    count = 0
    try:
        for sample in samples(NODES, gpus, seconds, time.time_ns() // 1000):
            await producer.send(name, codec.encode(sample), sample.node_id.encode())
            count += 1
    finally:
        await producer.stop()
    return count


class Stopwatch:
    """Seconds of time and of CPU since it was started."""

    def start(self) -> None:
        """Begin: everything is imported, connected and compiled."""
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def read(self) -> tuple[float, float]:
        """Return both."""
        return time.perf_counter() - self._wall, time.process_time() - self._cpu


Way = Callable[[Settings, int, Stopwatch], Awaitable[tuple[float, float]]]


def _timed(way: Way, settings: Settings, records: int) -> tuple[float, float]:
    mode.loop.use("uvloop")
    return asyncio.run(_bounded(way, settings, records))


async def _bounded(way: Way, settings: Settings, records: int) -> tuple[float, float]:
    async with asyncio.timeout(DEADLINE_S):
        return await way(settings, records, Stopwatch())


async def _plain_aiokafka(settings: Settings, records: int, watch: Stopwatch) -> tuple[float, float]:
    registry = Registry(settings.registry)
    codec = await registry.codec()
    name = TELEMETRY.full_name(settings.kafka)
    consumer = AIOKafkaConsumer(**connection(settings.kafka), auto_offset_reset="earliest")
    await consumer.start()
    try:
        await consumer._client._wait_on_metadata(name)
        places = [TopicPartition(name, number) for number in consumer.partitions_for_topic(name) or ()]
        consumer.assign(places)
        for place in places:
            consumer.seek(place, 0)
        seen = 0
        watch.start()
        while seen < records:
            found = await consumer.getmany(timeout_ms=1000, max_records=settings.worker.batch_records)
            for batch in found.values():
                for record in batch:
                    codec.decode(record.value)
                seen += len(batch)
        return watch.read()
    finally:
        await consumer.stop()
        await registry.close()


async def _bare_faust(settings: Settings, records: int, watch: Stopwatch) -> tuple[float, float]:
    registry = Registry(settings.registry)
    codec = await registry.codec()
    app = faust.App(
        f"{settings.kafka.topic_prefix}bare",
        broker="kafka://" + settings.kafka.bootstrap_servers.split(",")[0],
        consumer_auto_offset_reset="earliest",
        topic_allow_declare=False,
        topic_disable_leader=True,
        stream_wait_empty=False,
        web_enabled=False,
    )
    app._create_directories = lambda: None  # type: ignore[method-assign]
    done = asyncio.Event()

    @app.agent(app.topic(TELEMETRY.full_name(settings.kafka), key_serializer="raw", value_serializer="raw"))
    async def read(stream: Any) -> None:  # noqa: ANN401 - Faust's stream
        seen = 0
        async for event in stream.events():
            codec.decode(event.value)
            seen += 1
            if seen == records:
                done.set()

    await app.start()
    watch.start()
    await done.wait()
    spent = watch.read()
    await app.stop()
    await registry.close()
    return spent


async def _node_stage(settings: Settings, records: int, watch: Stopwatch) -> tuple[float, float]:
    registry = Registry(settings.registry)
    runner = StageRunner(NodeStage(settings.worker.pue), Intake(await registry.codec(), registry), settings)
    app = runner.app()
    spare_the_collector()
    await app.start()
    watch.start()
    while runner.committed < records:
        await asyncio.sleep(0.01)
    spent = watch.read()
    await app.stop()
    await registry.close()
    unused = metrics.RECORDS.labels(runner.stage.name, "dead_lettered")._value.get()
    if unused:
        raise RefusedError(f"{unused:.0f} of the samples were refused: the measurement says nothing")
    return spent
