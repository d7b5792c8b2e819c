"""A capsule of what a running stack keeps: found by the id of its observation, verified, and loaded again."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from infra.capsule.asked import Options, source_opener, wish
from infra.capsule.loading import load
from infra.capsule.texts import STACK, texts_of
from infra.replay.opening import EVENT_LOG, opener
from processors.replay.capsule.create import create
from processors.replay.capsule.redaction.redact import redact
from processors.replay.capsule.verify import verify
from processors.replay.facts import BY_NAME
from processors.topology import all_stages
from schemas.errors import ConfigError, RefusedError
from schemas.events.observation import ObservationOpened
from schemas.kafka import ensure_topics
from schemas.registry import Registry
from schemas.settings import ClickHouseSettings, KafkaSettings, RegistrySettings, Settings
from sinks.clickhouse import event_log
from sinks.clickhouse.migrate import migrate
from sinks.clickhouse.store import Store
from tests.processors.replay.recorded import Live, facts

pytestmark = pytest.mark.integration


class Sent(NamedTuple):
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


@pytest.fixture
def settings(clickhouse_url: str, clickhouse_database: str, registry_url: str, topic_prefix: str) -> Settings:
    # The incident is of a day long ago.
    store = ClickHouseSettings(url=clickhouse_url, database=clickhouse_database, event_log_ttl_days=9_000)
    return Settings(
        clickhouse=store,
        registry=RegistrySettings(url=registry_url),
        kafka=KafkaSettings(topic_prefix=topic_prefix),
    )


@pytest.fixture
def live(settings: Settings) -> Live:
    """Stages that ran, and an event_log that has all of it."""
    found = Live(all_stages(Settings())).run(facts("6m"))
    asyncio.run(_written(settings, found))
    return found


async def _written(settings: Settings, live: Live) -> None:
    topics: dict[str, list[Sent]] = defaultdict(list)
    for one in live.log:
        key = None if one.key is None else one.key.encode()
        topics[one.topic].append(Sent(one.partition, one.offset, one.arrived_at // 1000, key, one.value))
    store, registry = Store(settings), Registry(settings.registry)
    try:
        await registry.codec()
        await migrate(store, settings.clickhouse)
        for topic, records in topics.items():
            rows = event_log.rows(BY_NAME[topic].full_name(settings.kafka), records)
            await store.insert(event_log.TABLE, event_log.COLUMNS, "RowBinary", rows)
    finally:
        await store.close()
        await registry.close()


def _opened(live: Live) -> Iterator[ObservationOpened]:
    for one in live.log:
        if one.topic == "observations":
            event = live.codec.decode(one.value)
            if isinstance(event, ObservationOpened):
                yield event


def test_from_event_log_to_sql(settings: Settings, live: Live, tmp_path: Path) -> None:
    observation = next(_opened(live))
    open_source = opener(EVENT_LOG, settings)
    make = partial(wish, open_source, open_source(), settings)
    with pytest.raises(RefusedError, match="has no observation whose id is, or begins with, xxxx"):
        make(Options(observation="xxxx"))
    with pytest.raises(RefusedError, match="too short"):
        make(Options(observation=observation.observation_id[:3]))
    wanted = make(Options(observation=observation.observation_id[:8]))
    assert wanted.selection.id == observation.observation_id
    assert wanted.selection.nodes == (observation.node_id,)
    target = tmp_path / "x.capsule"
    create(open_source(), texts_of(EVENT_LOG, settings), wanted, target)
    found = verify(target)
    assert found.outcome.verdict.differences == []
    assert found.equal
    assert found.outcome.verdict.kinds["observations", "observation_opened"].equal >= 1
    redact(target, tmp_path / "redacted", b"salt")
    assert verify(tmp_path / "redacted").equal
    _loaded(settings, target, observation)


def test_event_log_and_kafka_as_one(
    settings: Settings, live: Live, kafka_settings: KafkaSettings, tmp_path: Path
) -> None:
    """Kafka has nothing yet; what is older than the sink's last seconds comes from event_log."""
    both = settings.model_copy(update={"kafka": kafka_settings})
    asyncio.run(ensure_topics(kafka_settings))
    open_source = source_opener(STACK, both)
    source = open_source()
    options = Options(begins="2026-01-12T12:02:00Z", ends="2026-01-12T12:05:30Z", fleet="sim")
    target = tmp_path / "x.capsule"
    create(source, texts_of(STACK, both), wish(open_source, source, both, options), target)
    assert verify(target).equal


def _loaded(settings: Settings, capsule: Path, observation: ObservationOpened) -> None:
    with pytest.raises(ConfigError, match="letters, digits and _ alone"):
        load(capsule, "a;b", settings)
    for _ in range(2):  # each time anew
        rows = load(capsule, "then_", settings)
    assert rows["then_observation_opened"] >= 1
    assert rows["then_node_sample"] > 100
    sql = "SELECT pattern, node_id FROM {db}.then_observation_opened WHERE observation_id = '{id}' FORMAT CSV"
    asked = sql.replace("{db}", settings.clickhouse.database).replace("{id}", observation.observation_id)
    answer = httpx.post(settings.clickhouse.url, content=asked)
    assert answer.text == f'"{observation.pattern}","{observation.node_id}"\n'
    counted = f"SELECT count() FROM {settings.clickhouse.database}.then_node_sample"
    assert httpx.post(settings.clickhouse.url, content=counted).text.strip() == str(rows["then_node_sample"])
