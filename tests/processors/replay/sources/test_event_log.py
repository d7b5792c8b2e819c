"""``event_log`` as a source: slices of time, order, what is missing or expired."""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

import pytest

from processors.replay.source import FOREVER
from processors.replay.sources import event_log as module
from processors.replay.sources.event_log import EventLogSource
from schemas.errors import RefusedError, UnavailableError
from schemas.settings import ClickHouseSettings, RegistrySettings, Settings
from schemas.topics import PANES, REQUESTS, TELEMETRY, Topic
from sinks.clickhouse import event_log
from sinks.clickhouse.migrate import migrate
from sinks.clickhouse.store import Store
from tests.fixtures.ports import free_port

pytestmark = pytest.mark.integration
TOPICS = (TELEMETRY, REQUESTS, PANES)
DAY_MS = 24 * 3600 * 1000
# Within what the table keeps, whenever the test runs.
T0_MS = 4_000_000_000_000


class Sent(NamedTuple):
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


@pytest.fixture
def settings(clickhouse_url: str, clickhouse_database: str, registry_url: str) -> Settings:
    return Settings(
        clickhouse=ClickHouseSettings(url=clickhouse_url, database=clickhouse_database),
        registry=RegistrySettings(url=registry_url),
    )


async def insert(settings: Settings, given: dict[Topic, Sequence[Sent]]) -> None:
    store = Store(settings)
    try:
        await migrate(store, settings.clickhouse)
        for topic, records in given.items():
            rows = event_log.rows(topic.full_name(settings.kafka), records)
            await store.insert(event_log.TABLE, event_log.COLUMNS, "RowBinary", rows)
    finally:
        await store.close()


def test_slices_give_one_order(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SLICE_RECORDS", 20)
    telemetry = [
        Sent(
            partition, offset, T0_MS + offset * 700, b"n%d" % partition if offset % 5 else None, b"v" * offset
        )
        for partition in range(2)
        for offset in range(300)
    ]
    # A day of silence, and a value that deletes its key, which is no event.
    telemetry += [Sent(0, 300, T0_MS + DAY_MS, b"n0", None), Sent(0, 301, T0_MS + DAY_MS, b"n0", b"last")]
    requests = [Sent(1, offset, T0_MS + offset * 900, b"r%d" % offset, b"x" * 20_000) for offset in range(9)]
    asyncio.run(insert(settings, {TELEMETRY: telemetry, REQUESTS: requests}))
    source = EventLogSource(settings)
    held = source.holds(TOPICS)
    assert set(held) == {"telemetry", "requests"}
    assert held["telemetry"] == (T0_MS * 1000, (T0_MS + DAY_MS) * 1000, 602, 2)
    found = list(source.read(TOPICS, 0, FOREVER))
    places = [(one.arrived_at, one.topic, one.partition, one.offset) for one in found]
    assert places == sorted(places)
    assert len(found) == 601 + 9
    assert found[-1] == ("telemetry", 0, 301, (T0_MS + DAY_MS) * 1000, "n0", b"last")
    some = list(source.read(TOPICS, (T0_MS + 700) * 1000, (T0_MS + 1400) * 1000, partitions=[1]))
    assert [one[:3] for one in some] == [("telemetry", 1, 1), ("requests", 1, 1)]
    keyed = list(source.read([TELEMETRY], 0, (T0_MS + 3000) * 1000, keys=["n1"]))
    assert {(one.partition, one.key) for one in keyed} == {(0, None), (1, None), (1, "n1")}
    assert source.gaps() == ()


def test_two_readings_at_once_do_not_know_of_each_other(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a replay that compares panes, and looks ahead for the actions among them."""
    monkeypatch.setattr(module, "SLICE_RECORDS", 20)
    records = [Sent(0, offset, T0_MS + offset * 700, b"n%d" % (offset % 9), b"v") for offset in range(300)]
    asyncio.run(insert(settings, {PANES: records}))
    source = EventLogSource(settings)
    ahead, keyed = source.read([PANES], 0, FOREVER), source.read([PANES], 0, FOREVER, keys=["n3"])
    first = next(ahead)
    assert len(list(keyed)) == 33
    assert [one.offset for one in source.read([PANES], 0, FOREVER)] == list(range(300))
    assert [first.offset, *(one.offset for one in ahead)] == list(range(300))
    assert source.gaps() == ()


def test_what_is_missing_or_expired_is_told(settings: Settings) -> None:
    offsets = [*range(40, 50), *range(90, 95)]
    records = [Sent(0, offset, T0_MS + offset * 10, b"n", b"v") for offset in offsets]
    asyncio.run(insert(settings, {TELEMETRY: records}))
    source = EventLogSource(settings)
    source.holds([TELEMETRY])
    assert len(list(source.read([TELEMETRY], 0, FOREVER))) == 15
    expired, missing = source.gaps()
    assert expired[:4] == ("telemetry", 0, 0, 39)
    assert "expired" in expired.why
    assert missing[:4] == ("telemetry", 0, 50, 89)
    assert "missing in event_log" in missing.why


def test_offsets_keep_their_order_where_the_brokers_clock_went_back(settings: Settings) -> None:
    records = [Sent(0, 0, T0_MS + 50, b"n", b"0"), Sent(0, 1, T0_MS + 20, b"n", b"1")]
    asyncio.run(insert(settings, {TELEMETRY: records}))
    assert [one.value for one in EventLogSource(settings).read([TELEMETRY], 0, FOREVER)] == [b"0", b"1"]


def test_a_store_that_is_away_or_empty_is_said(settings: Settings) -> None:
    with pytest.raises(RefusedError, match=r"setting clickhouse\.url"):
        EventLogSource(settings).holds(TOPICS)
    away = ClickHouseSettings(url=f"http://127.0.0.1:{free_port()}")
    with pytest.raises(UnavailableError, match=r"setting clickhouse\.url"):
        EventLogSource(settings.model_copy(update={"clickhouse": away})).holds(TOPICS)
