"""What the tests of the sink share."""

from collections.abc import Iterator

import pytest

from schemas.settings import (
    ClickHouseSettings,
    KafkaSettings,
    RegistrySettings,
    Settings,
    SinkSettings,
)
from tests.fixtures.ports import free_port
from tests.sinks.clickhouse.world import World


@pytest.fixture
def settings(
    kafka_settings: KafkaSettings, clickhouse_url: str, clickhouse_database: str, registry_url: str
) -> Settings:
    """Settings of a sink with topics and a database that no other test has."""
    return Settings(
        kafka=kafka_settings,
        registry=RegistrySettings(url=registry_url),
        clickhouse=ClickHouseSettings(url=clickhouse_url, database=clickhouse_database),
        sink=SinkSettings(batch_age_s=0.1, metrics_port=free_port()),
    )


@pytest.fixture
def world(settings: Settings) -> Iterator[World]:
    world = World(settings)
    yield world
    world.close()
