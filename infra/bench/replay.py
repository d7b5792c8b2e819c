"""A replay of twelve nodes from a log file and from ``event_log``, beside the same facts live at full speed.

The same two hours each time. Live: a worker reads them from Kafka, where they were sent beforehand, until it
has committed what follows from all of them. Memory is the resident memory of all processes of the replay
together, at its highest, what they share counted in each.
"""

import asyncio
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import psutil
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError

from infra.bench.stack import penstock, servers
from infra.bench.table import Table
from infra.compile import compiled
from infra.score.schema_ids import schema_ids
from processors.replay.facts import BY_NAME, chosen
from processors.replay.plan import Opener
from processors.replay.prepare import Asked, prepare
from processors.replay.replay import Replay
from processors.replay.source import FOREVER, Source
from processors.replay.sources.event_log import EventLogSource
from processors.replay.sources.log_file import LogFileSource
from processors.stage import Stage
from processors.topology import all_stages
from producers.simulator.engine import simulate
from producers.simulator.log import log_file
from producers.simulator.scenario.read import read_text
from schemas.codec import Codec
from schemas.errors import UnavailableError
from schemas.kafka import connection, ensure_topics
from schemas.log_file import LogRecord
from schemas.registry import Registry
from schemas.settings import Settings
from schemas.topics import ALERTS, REQUESTS, TELEMETRY
from sinks.clickhouse import event_log
from sinks.clickhouse.migrate import migrate
from sinks.clickhouse.store import Store

HOURS = 2
JOBS = 2
PARTITIONS = 4
INSERTED = 50_000
LIVE_S = 600.0
# Asking costs the broker, which the worker needs.
POLL_S = 0.5
COLUMNS = ("way", "processes", "facts", "seconds", "x real time", "facts/s", "memory, MB")
SCENARIO = f"""
about: Twelve nodes at work for two hours.
seed: 12
starts_at: {{starts_at}}
duration: {HOURS}h
nodes:
  - name: lab-[01-08]
    chip: rtx-4090
    gpus: 1
    cpu: ryzen-7950x
    memory: 64GB
    runtimes:
      - kind: llamacpp
        port: 8080
        slots: 4
        models: [{{name: llama-3.1-8b, quantization: q4_k_m, context: 8192}}]
  - name: big-[1-4]
    chip: h100-sxm
    gpus: 2
    cpu: 2x-xeon-8480c
    memory: 1TB
    runtimes:
      - kind: vllm
        port: 8000
        slots: 128
        models: [{{name: llama-3.3-70b, quantization: fp8, context: 32768}}]
arrivals:
  - name: chat
    model: llama-3.1-8b
    process: {{poisson: 20/m}}
    prompt_tokens: {{constant: 400}}
    output_tokens: {{constant: 150}}
  - name: assistants
    model: llama-3.3-70b
    process: {{poisson: 20/m}}
    prompt_tokens: {{constant: 900}}
    output_tokens: {{constant: 250}}
"""


class Row(NamedTuple):
    """One way: wall-clock seconds, and memory in bytes."""

    way: str
    processes: int
    facts: int
    took_s: float
    memory: int


def run() -> Table:
    """Measure on servers of its own."""
    with TemporaryDirectory(prefix="penstock-bench-") as folder, servers() as settings:
        settings = settings.model_copy(
            update={"kafka": settings.kafka.model_copy(update={"partitions": PARTITIONS})}
        )
        path = Path(folder) / "facts.log.avro"
        simulated(path)
        asyncio.run(_stored(settings, path))
        digests, rows = set[str](), []
        ways: Sequence[tuple[str, Opener, int]] = (
            ("log file", partial(LogFileSource, path), 1),
            ("log file", partial(LogFileSource, path), JOBS),
            ("event_log", partial(EventLogSource, settings), JOBS),
        )
        for way, open_source, jobs in ways:
            row, digest = _replayed(way, open_source, jobs)
            rows.append(row)
            digests.add(digest)
        if len(digests) != 1:
            raise RuntimeError("the same facts gave different digests: the measurement says nothing")
        rows.append(_live(settings, path))
    return Table("Replay of twelve nodes", COLUMNS, [_cells(row) for row in rows], _note())


def simulated(path: Path) -> None:
    """Write the facts, of the last hours: event_log keeps nothing that is months old."""
    starts_at = datetime.now(UTC) - timedelta(hours=HOURS + 1)
    text = SCENARIO.replace("{starts_at}", starts_at.strftime("%Y-%m-%dT%H:%M:%SZ"))
    with log_file(path, schema_ids(), partitions=PARTITIONS, about={}) as writer:
        for fact in simulate(read_text(text, "replay.yaml")):
            # Kafka's times, and so those of event_log, are milliseconds.
            writer.write(fact._replace(arrived_at=fact.arrived_at // 1000 * 1000))


def _cells(row: Row) -> Sequence[object]:
    speed, rate = HOURS * 3600 / row.took_s, row.facts / row.took_s
    memory = round(row.memory / 1e6) if row.memory else "-"
    return (
        row.way,
        row.processes,
        f"{row.facts:,}",
        f"{row.took_s:.1f}",
        f"{speed:,.0f}",
        f"{rate:,.0f}",
        memory,
    )


def _note() -> str:
    how = "compiled" if compiled() else "interpreted"
    return (
        f"Twelve nodes, sixteen accelerators, {HOURS} hours at 1 Hz, 40 requests a minute, "
        "spread evenly over four partitions; all four stages with the digest, starting included; "
        f"the node stage is {how}. Live: one worker at full speed with "
        "its transactions; Kafka's own CPU is beside it on the same cores."
    )


def stages() -> tuple[Stage[object], ...]:
    """Return what is replayed."""
    return chosen(all_stages(Settings()), ())


def _replayed(way: str, open_source: Opener, jobs: int) -> tuple[Row, str]:
    began_s = time.perf_counter()
    with _memory() as highest:
        plan = prepare(open_source(), stages(), Asked(partitions=PARTITIONS)).plan
        outcome = Replay(open_source, stages, plan, jobs).run()
    took_s = time.perf_counter() - began_s
    return Row(way, jobs, outcome.facts, took_s, highest()), outcome.digest.total()


@contextmanager
def _memory() -> Iterator[Callable[[], int]]:
    """Watch the resident memory of this process and those it starts; return what tells the highest."""
    over, found = threading.Event(), [0]

    def watch() -> None:
        root = psutil.Process(os.getpid())
        while not over.wait(0.2):
            found[0] = max(found[0], sum(_resident(one) for one in [root, *root.children(recursive=True)]))

    thread = threading.Thread(target=watch, daemon=True)
    servers_ = sum(_resident(one) for one in psutil.Process().children(recursive=True))
    thread.start()
    try:
        yield lambda: found[0] - servers_
    finally:
        over.set()
        thread.join()


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0


async def _stored(settings: Settings, path: Path) -> None:
    """Put the facts into ``event_log`` as the sink does, and into Kafka's topics for the worker."""
    registry, store = Registry(settings.registry), Store(settings)
    try:
        codec = await registry.codec_when_up()
        await migrate(store, settings.clickhouse)
        await ensure_topics(settings.kafka)
        await _into_event_log(settings, store, codec, LogFileSource(path))
        await _into_kafka(settings, codec, LogFileSource(path))
    finally:
        await store.close()
        await registry.close()


class _Sent(NamedTuple):
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes


def _sent(record: LogRecord, codec: Codec, file: Codec) -> _Sent:
    key = None if record.key is None else record.key.encode()
    value = codec.encode(file.decode(record.value))
    return _Sent(record.partition, record.offset, record.arrived_at // 1000, key, value)


async def _into_event_log(settings: Settings, store: Store, codec: Codec, file: Source) -> None:
    theirs = file.codec()
    for topic in (TELEMETRY, REQUESTS):
        name, waiting = topic.full_name(settings.kafka), []
        for record in file.read([topic], 0, FOREVER):
            waiting.append(_sent(record, codec, theirs))
            if len(waiting) == INSERTED:
                rows, waiting = event_log.rows(name, waiting), []
                await store.insert(event_log.TABLE, event_log.COLUMNS, "RowBinary", rows)
        await store.insert(event_log.TABLE, event_log.COLUMNS, "RowBinary", event_log.rows(name, waiting))


async def _into_kafka(settings: Settings, codec: Codec, file: Source) -> None:
    theirs = file.codec()
    producer = AIOKafkaProducer(**connection(settings.kafka), compression_type="lz4", linger_ms=20)
    await producer.start()
    try:
        for record in file.read((TELEMETRY, REQUESTS), 0, FOREVER):
            sent = _sent(record, codec, theirs)
            name = BY_NAME[record.topic].full_name(settings.kafka)
            await producer.send(name, sent.value, sent.key, partition=sent.partition)
    finally:
        await producer.stop()


def _live(settings: Settings, path: Path) -> Row:
    """Measure from when the worker has committed its first batch until all has passed the stages."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PENSTOCK_")}
    environment |= {
        "PENSTOCK_KAFKA__BOOTSTRAP_SERVERS": settings.kafka.bootstrap_servers,
        "PENSTOCK_KAFKA__PARTITIONS": str(PARTITIONS),
        "PENSTOCK_REGISTRY__URL": settings.registry.url,
        "PENSTOCK_WORKER__METRICS_PORT": str(settings.worker.metrics_port),
        "PENSTOCK_DATA_DIR": str(path.parent),
        "PENSTOCK_LOG__LEVEL": "error",
    }
    ticks = sum(record.key is None for record in LogFileSource(path).read([TELEMETRY], 0, FOREVER))
    with penstock(["worker"], environment):
        took_s = asyncio.run(_followed(settings, ticks))
    facts = sum(span.records for span in LogFileSource(path).holds((TELEMETRY, REQUESTS)).values())
    return Row("live, from Kafka", 1, facts, took_s, 0)


async def _followed(settings: Settings, ticks: int) -> float:
    """Return the seconds from the node stage's first commit until every tick has passed all stages.

    Each of ``ticks`` ends as a watermark behind the fleet stage, when all before it has been said.

    Raises:
        UnavailableError: it takes longer than ``LIVE_S``.
    """
    admin = AIOKafkaAdminClient(**connection(settings.kafka))
    consumer = AIOKafkaConsumer(**connection(settings.kafka), isolation_level="read_committed")
    await admin.start()
    await consumer.start()
    try:
        async with asyncio.timeout(LIVE_S):
            while not await _committed(admin, settings, "node-stage"):
                await asyncio.sleep(POLL_S)
            began_s = time.perf_counter()
            place = TopicPartition(ALERTS.full_name(settings.kafka), 0)
            while (await consumer.end_offsets([place]))[place] < ticks:
                await asyncio.sleep(POLL_S)
            return time.perf_counter() - began_s
    except TimeoutError as exc:
        raise UnavailableError(f"the worker has not read everything after {LIVE_S:.0f} s") from exc
    finally:
        await consumer.stop()
        await admin.close()


async def _committed(admin: Any, settings: Settings, group: str) -> int:  # noqa: ANN401 - aiokafka has no types
    try:
        found = await admin.list_consumer_group_offsets(settings.kafka.topic_prefix + group)
    except GroupCoordinatorNotAvailableError:  # before the first group of all
        return 0
    return sum(max(0, one.offset) for one in found.values())
