from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from schemas.settings import KafkaSettings, RegistrySettings, Settings
from schemas.settings.notifier import NotifierSettings
from tests.fixtures.ports import free_port
from tests.sinks.notify.making import LOOPBACK
from tests.sinks.notify.world import World


@pytest_asyncio.fixture
async def world(kafka_settings: KafkaSettings, registry_url: str, tmp_path: Path) -> AsyncIterator[World]:
    settings = Settings(
        data_dir=tmp_path,
        kafka=kafka_settings.model_copy(update={"partitions": 2}),
        registry=RegistrySettings(url=registry_url),
        notifier=NotifierSettings(
            allow=LOOPBACK,
            metrics_port=free_port(),
            session_timeout_s=2.0,
            first_retry_s=0.2,
            last_retry_s=0.5,
        ),
    )
    world = World(settings)
    await world.open()
    yield world
    await world.close()
