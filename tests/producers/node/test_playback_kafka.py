"""A recording played into a real Kafka arrives as a node."""

from pathlib import Path

import pytest

from producers.node.playback import play
from producers.node.recording import Recorder
from schemas.events.node_stopped import NodeStopped
from schemas.settings import KafkaSettings, NodeSettings, RegistrySettings, Settings
from schemas.topics import NODES, TELEMETRY
from tests.producers.reading import first_arrivals, read_until
from tests.samples import at, sample

pytestmark = [pytest.mark.integration, pytest.mark.asyncio]


async def test_it_arrives_whole_and_in_order(
    kafka_settings: KafkaSettings, registry_url: str, tmp_path: Path
) -> None:
    file, registry = tmp_path / "node.avro", RegistrySettings(url=registry_url)
    with Recorder(file) as recorder:
        for index in range(50):
            recorder.emit(TELEMETRY, "node-1", sample(index, occurred_at=at(index / 50)))
    node = NodeSettings(node_id="played")
    await play(Settings(kafka=kafka_settings, registry=registry, data_dir=tmp_path, node=node), file)
    arrived = first_arrivals(
        await read_until(kafka_settings, registry, TELEMETRY, lambda found: len(found) >= 50)
    )
    assert [(one.node_id, one.seq) for one in arrived] == [("played", index) for index in range(50)]
    assert arrived[-1].occurred_at - arrived[0].occurred_at == at(49 / 50) - at(0)
    stopped, *_ = await read_until(kafka_settings, registry, NODES, bool)
    assert isinstance(stopped, NodeStopped)
    assert (stopped.boot_id, stopped.seq) == (arrived[0].boot_id, 49)
