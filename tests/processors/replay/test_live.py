"""All stages and the sink live, on the real Kafka and ClickHouse: every source replays what was said."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from infra.score.schema_ids import schema_ids
from processors.chain import Record
from processors.replay.digest import NAMES
from processors.replay.facts import BY_NAME, chosen
from processors.replay.outcome import Outcome
from processors.replay.prepare import Asked, prepare
from processors.replay.replay import Replay
from processors.replay.source import FOREVER, Source
from processors.replay.sources.event_log import EventLogSource
from processors.replay.sources.kafka import KafkaSource
from processors.replay.sources.log_file import LogFileSource
from processors.topology import all_stages
from producers.simulator.engine import simulate
from producers.simulator.log import log_file
from producers.simulator.scenario.read import read_text
from schemas.events.clock_tick import ClockTick
from schemas.events.watermark import Watermark
from schemas.kafka import ensure_topics
from schemas.log_file import LogRecord
from schemas.partition import partition_of
from schemas.settings import ClickHouseSettings, KafkaSettings, RegistrySettings, Settings
from schemas.topics import (
    ALERTS,
    FIRINGS,
    NODE_STATES,
    NODES,
    NOTIFICATIONS,
    OBSERVATIONS,
    PANES,
    REQUESTS,
    SUMMARIES,
    TELEMETRY,
)
from tests.chaos.verify import codec_of
from tests.fixtures.ports import free_port
from tests.fixtures.processes import wait_until
from tests.processors.faust.cluster import sender
from tests.processors.replay.recorded import PARTITIONS, SCENARIO, STARTS_AT

pytestmark = pytest.mark.integration

TOPICS = (
    TELEMETRY, REQUESTS, PANES, SUMMARIES, NODE_STATES, OBSERVATIONS, ALERTS, FIRINGS, NOTIFICATIONS,
)  # fmt: skip
DURATION = "5m"


@pytest.fixture
def settings(
    kafka_settings: KafkaSettings, registry_url: str, clickhouse_url: str, clickhouse_database: str
) -> Settings:
    return Settings(
        kafka=kafka_settings.model_copy(update={"partitions": PARTITIONS}),
        registry=RegistrySettings(url=registry_url),
        clickhouse=ClickHouseSettings(url=clickhouse_url, database=clickhouse_database),
    )


@pytest.fixture
def running(settings: Settings, tmp_path: Path) -> Iterator[None]:
    """A worker and a sink, as ``penstock up`` runs them."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PENSTOCK_")}
    environment |= {
        "PENSTOCK_KAFKA__BOOTSTRAP_SERVERS": settings.kafka.bootstrap_servers,
        "PENSTOCK_KAFKA__TOPIC_PREFIX": settings.kafka.topic_prefix,
        "PENSTOCK_KAFKA__PARTITIONS": str(PARTITIONS),
        "PENSTOCK_REGISTRY__URL": settings.registry.url,
        "PENSTOCK_CLICKHOUSE__URL": settings.clickhouse.url,
        "PENSTOCK_CLICKHOUSE__DATABASE": settings.clickhouse.database,
        "PENSTOCK_WORKER__METRICS_PORT": str(free_port()),
        "PENSTOCK_SINK__METRICS_PORT": str(free_port()),
        "PENSTOCK_DATA_DIR": str(tmp_path / "data"),
    }
    asyncio.run(ensure_topics(settings.kafka))
    parts = []
    try:
        for part in ("worker", "sink"):
            with (tmp_path / f"{part}.log").open("wb") as out:
                command = [sys.executable, "-m", "infra.cli.main", part]
                parts.append(subprocess.Popen(command, env=environment, stdout=out, stderr=out))
        yield
    finally:
        for process in parts:
            process.terminate()
        for process in parts:
            process.wait(30)


def facts() -> list[Record]:
    """What agents, a router and the clock send; it ends now, as the stages refuse what is much too old."""
    starts_at = (datetime.now(UTC) - timedelta(minutes=6)).strftime("%Y-%m-%dT%H:%M:%SZ")
    text = SCENARIO.replace("{duration}", DURATION).replace(STARTS_AT, starts_at)
    found = []
    for fact in simulate(read_text(text, "live.yaml")):
        chosen_ = range(PARTITIONS) if fact.key is None else (partition_of(fact.key, PARTITIONS),)
        if fact.topic is not NODES:
            found += [Record(fact.topic, place, fact.key, fact.event, fact.arrived_at) for place in chosen_]
    return found


async def send(settings: Settings, given: list[Record]) -> None:
    codec = await codec_of(settings)
    async with sender(settings.kafka) as producer:
        waiting = []
        for topic, partition, key, event, _ in given:
            name, raw = topic.full_name(settings.kafka), None if key is None else key.encode()
            waiting.append(await producer.send(name, codec.encode(event), raw, partition=partition))
        await asyncio.gather(*waiting)


def replayed(open_source: Callable[[], Source], ends: int | None = None) -> Outcome:
    stages = chosen(all_stages(Settings()), ())
    prepared = prepare(open_source(), stages, Asked(ends=ends, compare=True))
    assert prepared.warm_up.exact
    return Replay(open_source, lambda: stages, prepared.plan).run()


def settled(opener: Callable[[], Callable[[], Source]]) -> Outcome:
    """Replay until the stages have said all that follows from the facts, and no transaction hides it."""
    end = time.monotonic() + 120
    while True:
        outcome = replayed(opener())
        behind = [one for one in outcome.verdict.differences if one.live is None]
        if not behind or time.monotonic() > end:
            return outcome


def written(source: Source, path: Path) -> Path:
    """Write everything that a source has into a log file."""
    codec = source.codec()
    with log_file(path, schema_ids(), partitions=PARTITIONS, about={}) as writer:
        for record in source.read(TOPICS, 0, FOREVER):
            event = codec.decode(record.value)
            body = LogRecord(*record[:5], record.value[5:])
            writer.put(body, NAMES[type(event)])
    return path


def test_kafka_event_log_and_a_file_replay_what_was_said(
    settings: Settings, running: None, tmp_path: Path
) -> None:
    given = facts()
    # Requests join judgements when they are twenty seconds old, which holds at the pace of life alone.
    telemetry = [one for one in given if one.topic is TELEMETRY]
    asyncio.run(send(settings, telemetry))
    kafka = partial(KafkaSource, settings)
    ticks = sum(isinstance(one.event, ClockTick) for one in telemetry)
    wait_until(lambda: marks(kafka()) >= ticks, deadline_s=120, what="every tick at the end of the stages")
    asyncio.run(send(settings, [one for one in given if one.topic is REQUESTS]))
    from_kafka = settled(lambda: kafka)
    assert from_kafka.verdict.differences == []
    assert from_kafka.verdict.kinds[OBSERVATIONS.name, "observation_opened"].equal
    assert from_kafka.verdict.kinds[NODE_STATES.name, "node_state"].equal > 500
    assert from_kafka.verdict.kinds[PANES.name, "request_pane"].equal
    assert from_kafka.gaps == []
    assert from_kafka.refused == []

    from_file = settled(lambda: partial(LogFileSource, written(kafka(), tmp_path / "all.log.avro")))
    assert from_file.verdict.differences == []
    assert from_file.digest.total() == from_kafka.digest.total()

    event_log = partial(EventLogSource, settings)
    wait_until(
        lambda: counted(event_log()) == counted(kafka()), deadline_s=120, what="all of it in event_log"
    )
    from_event_log = replayed(event_log)
    assert from_event_log.verdict.differences == []
    assert from_event_log.gaps == []
    assert from_event_log.digest.total() == from_kafka.digest.total()
    assert BY_NAME.keys() >= event_log().holds(TOPICS).keys()


def marks(source: Source) -> int:
    """Return how many watermarks have come through all stages."""
    codec = source.codec()
    events = (codec.decode(record.value) for record in source.read([ALERTS], 0, FOREVER))
    return sum(isinstance(event, Watermark) for event in events)


def counted(source: Source) -> int:
    return sum(1 for _ in source.read(TOPICS, 0, FOREVER))
