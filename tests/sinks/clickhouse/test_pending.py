"""A sink that died in the middle of a batch: what it had stored is not stored again, what it had not is."""

from collections.abc import Mapping, Sequence

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import OffsetAndMetadata

from schemas.codec import Codec
from schemas.kafka import connection
from schemas.registry import Registry
from schemas.topic_id import TopicIds
from schemas.topics import TELEMETRY
from sinks.clickhouse import event_log
from sinks.clickhouse.letters import Letters
from sinks.clickhouse.migrate import migrate
from sinks.clickhouse.patience import Patience, Waits
from sinks.clickhouse.pending import PendingReader
from sinks.clickhouse.ranges import Batch, Range
from sinks.clickhouse.record import Record
from sinks.clickhouse.sink import group_of
from sinks.clickhouse.store import Store
from sinks.clickhouse.writers import Writers
from sinks.clickhouse.writing import Writing
from tests import samples
from tests.sinks.clickhouse.inventing import Inventor, body
from tests.sinks.clickhouse.world import World

pytestmark = pytest.mark.integration


async def begin(world: World, ranges: Sequence[Range]) -> tuple[Batch, Sequence[Record]]:
    """Commit a batch as pending, as a sink does before it inserts, and return it with its records."""
    kafka = world.settings.kafka
    ids = TopicIds(kafka)
    name = world.topic("telemetry")
    batch = Batch(name, (await ids.of([name]))[name], tuple(ranges))
    await ids.close()
    consumer = AIOKafkaConsumer(
        **connection(kafka), group_id=group_of(world.settings), enable_auto_commit=False
    )
    await consumer.start()
    consumer.assign([TopicPartition(name, each.partition) for each in ranges])
    pending: Mapping[TopicPartition, OffsetAndMetadata] = {
        TopicPartition(name, each.partition): OffsetAndMetadata(each.first, batch.metadata) for each in ranges
    }
    await consumer.commit(pending)
    await consumer.stop()
    reader = PendingReader(kafka, group_of(world.settings), Patience("kafka"))
    marks = await reader.marks([TopicPartition(name, 0)])
    assert marks[0] == (ranges[0].first, marks[0][1])
    assert marks[0][1].ranges == batch.ranges
    return batch, await reader.read(batch)


async def fill(world: World) -> Sequence[Range]:
    await world.make_topics()
    await world.send([samples.sample(seq, gpus=(samples.gpu(),)) for seq in range(30)], partition=0)
    await world.send([samples.sample(seq, gpus=(samples.gpu(),)) for seq in range(100, 120)], partition=3)
    return (Range(0, 0, 19), Range(3, 0, 9))


@pytest.mark.asyncio
@pytest.mark.parametrize("died", ["before it inserted", "after the log alone", "after all"])
async def test_the_pending_batch_is_finished_and_nothing_is_there_twice(world: World, died: str) -> None:
    batch, records = await begin(world, await fill(world))
    assert [(record.partition, record.offset) for record in records] == [
        *((0, offset) for offset in range(20)),
        *((3, offset) for offset in range(10)),
    ]
    registry, store = Registry(world.settings.registry), Store(world.settings)
    writers = Writers(registry)
    await writers.register()
    await migrate(store, world.settings.clickhouse)
    if died == "after the log alone":
        rows = event_log.rows(batch.topic, records)
        token = batch.token(event_log.TABLE)
        await store.insert(event_log.TABLE, event_log.COLUMNS, "RowBinary", rows, token)
    if died == "after all":
        letters = Letters(world.settings.kafka, Codec({}))
        await Writing(store, writers, letters, Waits()).write(TELEMETRY, batch, records)
        assert world.value("SELECT count() FROM node_samples") == 30
    await store.close()
    await registry.close()
    world.start_sink()
    await world.stored("telemetry", 50)
    world.assert_exactly_once("telemetry", "node_samples", 50)
    assert world.value("SELECT count() FROM gpu_samples") == 50


@pytest.mark.asyncio
async def test_a_dead_letter_that_is_sent_twice_is_stored_once(world: World) -> None:
    await world.make_topics()
    codec = await world.codec()
    letter = Inventor().event("dead_letter")
    other = Inventor().event("dead_letter", id="00000000-0000-0000-0000-0000000000ff")
    values = [codec.frame("dead_letter", body("dead_letter", each)) for each in (letter, letter, other)]
    await world.send_raw([("dead-letters", b"t", value) for value in values])
    world.start_sink()
    await world.stored("dead-letters", 3)
    await world.send_raw([("dead-letters", b"t", values[0])])
    await world.stored("dead-letters", 4)
    assert world.value("SELECT count() FROM dead_letters") == 2
