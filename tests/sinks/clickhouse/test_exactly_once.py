"""Nothing lost and nothing twice, whatever dies."""

import asyncio
import random
from pathlib import Path

import pytest
from aiokafka.errors import KafkaError

from schemas.errors import PenstockError
from schemas.settings import ClickHouseSettings, RegistrySettings, Settings
from tests import samples
from tests.fixtures.clickhouse import clickhouse
from tests.fixtures.ports import free_port
from tests.fixtures.registry import registry
from tests.sinks.clickhouse.world import World

pytestmark = pytest.mark.integration


def derived_rows_agree(world: World, sent: int) -> None:
    world.assert_exactly_once("telemetry", "node_samples", sent)
    assert world.value("SELECT count() FROM gpu_samples") == 2 * sent
    assert world.value("SELECT count() FROM runtime_samples") == sent
    assert world.value("SELECT uniqExact(node_id, seq) FROM node_samples") == sent


async def load(world: World, first: int, count: int) -> int:
    two = (samples.gpu("GPU-1"), samples.gpu("GPU-2"))
    events = [
        samples.sample(seq, node_id=f"node-{seq % 16}", gpus=two, runtimes=(samples.runtime(),))
        for seq in range(first, first + count)
    ]
    return await world.send(events)


@pytest.mark.asyncio
async def test_killed_sinks_lose_nothing_and_store_nothing_twice(world: World) -> None:
    """Two sinks share the partitions; one of them dies at a random moment, again and again."""
    await kill_and_check(world, kills=3, seed=1)


@pytest.mark.soak
@pytest.mark.asyncio
@pytest.mark.parametrize("seed", [2, 3])
async def test_many_killed_sinks_lose_nothing_and_store_nothing_twice(world: World, seed: int) -> None:
    await kill_and_check(world, kills=10, seed=seed)


async def kill_and_check(world: World, kills: int, seed: int) -> None:
    chance = random.Random(seed)
    await world.make_topics()
    other = world.settings.model_copy(
        update={
            "sink": world.settings.sink.model_copy(update={"metrics_port": free_port(), "batch_rows": 500})
        }
    )
    sinks = [world.start_sink(), world.start_sink(other)]
    sent = 0
    await world.eventually(lambda: world.value("SELECT count() FROM event_log") >= 0, "the tables are there")
    for _ in range(kills):
        sent += await load(world, sent, 2000)
        await asyncio.sleep(chance.uniform(0.0, 1.0))
        victim = chance.randrange(2)
        sinks[victim].kill()
        sent += await load(world, sent, 1000)
        sinks[victim] = world.start_sink(sinks[victim].settings)
    await world.stored("telemetry", sent, deadline_s=120)
    derived_rows_agree(world, sent)


@pytest.mark.asyncio
async def test_a_store_that_dies_and_comes_back_has_everything_once(
    settings: Settings, tmp_path: Path
) -> None:
    port = free_port()
    store_settings = ClickHouseSettings(url=f"http://127.0.0.1:{port}")
    world = World(settings.model_copy(update={"clickhouse": store_settings}))
    try:
        await world.make_topics()
        sink = world.start_sink()
        sent = 0
        for _ in range(2):
            with clickhouse(tmp_path, port) as store:
                sent += await load(world, sent, 3000)
                await world.eventually(lambda: world.value("SELECT count() FROM event_log") > 0, "rows")
                sending = asyncio.ensure_future(load(world, sent, 4000))
                await asyncio.sleep(0.3)
                store.process.kill()
                sent += await sending
            await world.eventually(
                lambda: "clickhouse" in sink.health()["waiting_for"], "the sink says what it waits for"
            )
        with clickhouse(tmp_path, port):
            await world.stored("telemetry", sent)
            derived_rows_agree(world, sent)
        assert sink.process.is_alive()
    finally:
        world.close()


@pytest.mark.asyncio
async def test_a_topic_that_is_made_again_starts_again(world: World) -> None:
    await world.make_topics()
    world.start_sink()
    await load(world, 0, 100)
    await world.stored("telemetry", 100)
    await world.delete_topic("telemetry")
    await remake(world)
    await load(world, 1000, 100)
    await world.eventually(
        lambda: world.value("SELECT uniqExact(seq) FROM node_samples") == 200, "the rows of both topics"
    )
    assert world.value("SELECT count() FROM event_log") == 200


async def remake(world: World) -> None:
    """Create the topics; a name that Kafka has not forgotten yet is refused for a moment."""
    for _ in range(200):
        try:
            await world.make_topics()
            return
        except (PenstockError, KafkaError):  # whatever Kafka says of a topic half deleted
            await asyncio.sleep(0.1)
    raise AssertionError("the topic was not made again")


@pytest.mark.asyncio
async def test_an_orderly_stop_leaves_nothing_pending(world: World) -> None:
    await world.make_topics()
    sink = world.start_sink()
    await load(world, 0, 500)
    await world.stored("telemetry", 500)
    assert sink.stop() == 0
    await load(world, 500, 500)
    world.start_sink()
    await world.stored("telemetry", 1000)
    derived_rows_agree(world, 1000)


@pytest.mark.asyncio
async def test_a_registry_that_is_not_there_yet_is_waited_for(world: World, tmp_path: Path) -> None:
    port = free_port()
    late = world.settings.model_copy(update={"registry": RegistrySettings(url=f"http://127.0.0.1:{port}")})
    world = World(late)
    try:
        sink = world.start_sink()
        await world.eventually(
            lambda: sink.health()["waiting_for"] == ["registry"], "the sink says what it waits for"
        )
        with registry(tmp_path, port):
            await world.make_topics()
            await load(world, 0, 10)
            await world.stored("telemetry", 10)
        assert sink.health() == {"status": "ok", "waiting_for": []}
    finally:
        world.close()
