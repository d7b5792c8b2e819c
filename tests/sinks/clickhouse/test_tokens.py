"""The same batch before and after a restart of the store: every table, views and all, takes it once."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from schemas.codec import Codec, packaged
from schemas.registry import Registry
from schemas.settings import ClickHouseSettings, Settings
from schemas.topics import TOPICS, Topic
from sinks.clickhouse.letters import Letters
from sinks.clickhouse.migrate import migrate
from sinks.clickhouse.patience import Waits
from sinks.clickhouse.ranges import Batch, Range
from sinks.clickhouse.store import Store
from sinks.clickhouse.writers import Writers
from sinks.clickhouse.writing import Writing
from tests.fixtures.clickhouse import clickhouse
from tests.fixtures.ports import free_port
from tests.sinks.clickhouse.inventing import Inventor, body

pytestmark = pytest.mark.integration

ROWS = 3


@dataclass(frozen=True)
class Sent:
    """A record as the sink reads it."""

    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


def records(codec: Codec, event: str) -> Sequence[Sent]:
    inventor = Inventor()
    has_id = any(each["name"] == "id" for each in packaged()[event][-1].schema["fields"])
    given = [{"id": str(uuid.UUID(int=at))} if has_id else {} for at in range(ROWS)]
    values = [codec.frame(event, body(event, inventor.event(event, **each))) for each in given]
    return [Sent(0, at, 1_790_000_000_000 + at, b"node-1", value) for at, value in enumerate(values)]


async def write_all(settings: Settings) -> None:
    """Write a batch of every event of every stored topic."""
    registry, store = Registry(settings.registry), Store(settings)
    try:
        codec, writers = await registry.codec(), Writers(registry)
        await writers.register()
        await migrate(store, settings.clickhouse)
        writing = Writing(store, writers, Letters(settings.kafka, Codec({})), Waits())
        for topic, event in stored():
            batch = Batch(f"penstock.{topic.name}", event, (Range(0, 0, ROWS - 1),))
            await writing.write(topic, batch, records(codec, event))
    finally:
        await store.close()
        await registry.close()


def stored() -> Iterator[tuple[Topic, str]]:
    return ((topic, event) for topic in TOPICS if topic.stored for event in topic.events)


@contextmanager
def running_store(directory: Path, settings: Settings) -> Iterator[Settings]:
    port = free_port()
    there = ClickHouseSettings(url=f"http://127.0.0.1:{port}")
    with clickhouse(directory, port):
        yield settings.model_copy(update={"clickhouse": there})


def blocks(directory: Path) -> Mapping[str, Sequence[str]]:
    """Return the insertions that each table of a stopped store has taken, as it remembers them."""
    logs = (directory / "clickhouse" / "store").glob("*/*/deduplication_logs/*.txt")
    return {
        log.parent.parent.name: sorted(line.split("\t")[2] for line in log.read_text().splitlines())
        for log in logs
    }


@pytest.mark.asyncio
async def test_what_was_stored_before_a_restart_is_known_after_it(tmp_path: Path, settings: Settings) -> None:
    with running_store(tmp_path, settings) as there:
        await write_all(there)
    before = blocks(tmp_path)
    assert sum(1 for taken in before.values() if taken) > 40
    with running_store(tmp_path, settings) as there:
        await write_all(there)
    assert blocks(tmp_path) == before
