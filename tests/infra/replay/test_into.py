"""What a replay says, into topics and into tables of its own."""

import asyncio
from collections import Counter
from functools import partial

import pytest

from infra.replay.into import into
from processors.replay.digest import NAMES
from processors.replay.outcome import Outcome
from processors.replay.prepare import Asked, prepare
from processors.replay.replay import Replay
from processors.replay.source import FOREVER
from processors.replay.sources.kafka import KafkaSource
from schemas.codec import Codec
from schemas.errors import RefusedError
from schemas.registry import Registry
from schemas.settings import ClickHouseSettings, KafkaSettings, RegistrySettings, Settings
from schemas.topics import NODE_STATES, PANES, SUMMARIES
from sinks.clickhouse.migrate import migrate
from sinks.clickhouse.store import Store
from tests.processors.replay.recorded import PARTITIONS, ListSource, Live, facts
from tests.processors.replay.test_replay import stages

pytestmark = pytest.mark.integration


@pytest.fixture
def settings(
    kafka_settings: KafkaSettings, registry_url: str, clickhouse_url: str, clickhouse_database: str
) -> Settings:
    return Settings(
        kafka=kafka_settings,
        registry=RegistrySettings(url=registry_url),
        clickhouse=ClickHouseSettings(url=clickhouse_url, database=clickhouse_database),
    )


def replayed(text: str, settings: Settings) -> Outcome:
    live = Live(()).run(facts("90s"))
    source = ListSource(live.codec, live.log)
    plan = prepare(source, stages(), Asked(keep=True, partitions=PARTITIONS)).plan
    with into(text, plan, settings) as writer:
        return Replay(lambda: source, stages, plan).run(take=writer.take)


def test_topics_have_what_was_said_in_order(settings: Settings) -> None:
    prefix = settings.kafka.topic_prefix + "trial."
    outcome = replayed(f"topics:{prefix}", settings)
    there = settings.model_copy(
        update={"kafka": settings.kafka.model_copy(update={"topic_prefix": prefix, "partitions": PARTITIONS})}
    )
    source = KafkaSource(there)
    codec: Codec = source.codec()
    found: Counter[tuple[str, str]] = Counter()
    for record in source.read([NODE_STATES, PANES, SUMMARIES], 0, FOREVER):
        found[record.topic, NAMES[type(codec.decode(record.value))]] += 1
    assert found
    assert found == Counter(
        {kind: count for kind, count in outcome.counts.items() if kind[0] in {topic for topic, _ in found}}
    )
    assert source.holds([PANES])["panes"].partitions == PARTITIONS


def test_tables_have_what_was_said_each_time_anew(settings: Settings) -> None:
    asyncio.run(prepared(settings))
    replayed("table:again_", settings)
    outcome = replayed("table:again_", settings)
    with pytest.raises(RefusedError, match="that no replay has made"):
        replayed("table:trial_", settings)
    rows = partial(asked, settings)
    wanted = outcome.counts["node-states", "node_state"]
    (found,) = asyncio.run(rows("SELECT count(), uniqExact(node_id) FROM {database}.again_node_state"))
    assert tuple(found) == (wanted, 3)
    topics = asyncio.run(rows("SELECT DISTINCT kafka_topic FROM {database}.again_watermark ORDER BY 1"))
    assert {str(topic) for (topic,) in topics} >= {"node-states", "panes", "summaries"}


async def prepared(settings: Settings) -> None:
    registry, store = Registry(settings.registry), Store(settings)
    try:
        await registry.codec_when_up()
        await migrate(store, settings.clickhouse)
    finally:
        await store.close()
        await registry.close()


async def asked(settings: Settings, sql: str) -> list[tuple[object, ...]]:
    store = Store(settings)
    try:
        found = await store.rows(sql.replace("{database}", settings.clickhouse.database))
    finally:
        await store.close()
    return [tuple(row) for row in found]
