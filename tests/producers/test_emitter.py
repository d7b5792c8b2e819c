"""The emitter without Kafka: it holds, spools, bounds and counts; with Kafka: test_emitter_kafka."""

import asyncio
import logging
from pathlib import Path

import pytest

from producers.connector import quiet_client
from producers.emitter import Emitter
from producers.envelope import disclose
from producers.patience import Patience
from producers.spool import Spool
from schemas.codec.serde import decode_body
from schemas.errors import ConfigError
from schemas.events.node_sample import NodeSample
from schemas.settings import KafkaSettings, RegistrySettings
from schemas.topics import NODES, TELEMETRY
from tests.fixtures.ports import free_port
from tests.producers.registry_server import until
from tests.samples import sample, tick

pytestmark = pytest.mark.asyncio


PATIENT = Patience()
IMPATIENT = Patience(hold_s=0.05, poll_s=0.01, disk_s=0.02, first_retry_s=0.01, last_retry_s=0.01)


def made(folder: Path, queue_records: int = 1000, patience: Patience = PATIENT) -> Emitter:
    nowhere = f"127.0.0.1:{free_port()}"
    return Emitter(
        KafkaSettings(bootstrap_servers=nowhere),
        RegistrySettings(url=f"http://{nowhere}"),
        topics=[TELEMETRY, NODES],
        spool=folder,
        spool_bytes=1 << 20,
        queue_records=queue_records,
        patience=patience,
    )


def spooled(folder: Path) -> list[NodeSample]:
    spool = Spool(folder, 1 << 20)
    spool.open()
    found = [disclose(record) for record in spool.peek().records]
    spool.close()
    samples = [decode_body(one.event, one.body) for one in found]
    assert all((one.topic, one.key) == ("telemetry", "node-1") for one in found)
    return [one for one in samples if isinstance(one, NodeSample)]


async def test_an_orderly_stop_spools_what_could_not_be_sent(tmp_path: Path) -> None:
    one = made(tmp_path)
    await one.start()
    for seq in range(5):
        one.emit(TELEMETRY, "node-1", sample(seq))
    await one.stop()
    found = spooled(tmp_path)
    assert [(each.seq, each.spooled) for each in found] == [(seq, True) for seq in range(5)]


async def test_what_waits_too_long_goes_to_disk_and_later_facts_behind_it(tmp_path: Path) -> None:
    one = made(tmp_path, patience=IMPATIENT)
    await one.start()
    one.emit(TELEMETRY, "node-1", sample(0))
    await until(lambda: one.statistics.spool_records == 1)
    for seq in range(1, 4):
        one.emit(TELEMETRY, "node-1", sample(seq))
    await until(lambda: one.statistics.spool_records == 4)
    assert one.statistics.waiting == 0
    await one.stop()
    assert [each.seq for each in spooled(tmp_path)] == [0, 1, 2, 3]


async def test_a_full_queue_drops_the_oldest_and_counts(tmp_path: Path) -> None:
    one = made(tmp_path, queue_records=10)
    for seq in range(25):
        one.emit(TELEMETRY, "node-1", sample(seq))
    assert (one.statistics.emitted, one.statistics.dropped, one.statistics.waiting) == (25, 15, 10)
    await one.start()
    await one.stop()
    assert [each.seq for each in spooled(tmp_path)] == list(range(15, 25))


async def test_an_event_that_cannot_be_written_is_refused_and_stops_nothing(tmp_path: Path) -> None:
    one = made(tmp_path)
    await one.start()
    one.emit(TELEMETRY, "node-1", sample(0))
    one.emit(TELEMETRY, "node-1", sample(1, fleet=None))
    one.emit(TELEMETRY, "node-1", sample(2))
    await one.stop()
    assert one.statistics.refused == 1
    assert [each.seq for each in spooled(tmp_path)] == [0, 2]


async def test_a_disk_that_refuses_costs_one_log_line_and_then_the_oldest(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    in_the_way = tmp_path / "spool"
    in_the_way.write_text("a file where the folder should be")
    one = made(in_the_way, queue_records=10, patience=IMPATIENT)
    with caplog.at_level(logging.INFO):
        await one.start()
        for seq in range(15):
            one.emit(TELEMETRY, "node-1", sample(seq))
            await asyncio.sleep(0.01)
        await until(lambda: one.statistics.dropped == 5)
        in_the_way.unlink()
        await until(lambda: one.statistics.spool_records == 10)
        await one.stop()
    about_the_disk = [line.message for line in caplog.records if "cannot be written" in line.message]
    assert len(about_the_disk) == 1
    assert "data_dir" in about_the_disk[0]
    assert any("can be written again" in line.message for line in caplog.records)
    assert [each.seq for each in spooled(in_the_way)] == list(range(5, 15))


async def test_an_outage_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    quiet_client("info")
    one = made(tmp_path, patience=IMPATIENT)
    with caplog.at_level(logging.WARNING):
        await one.start()
        await until(lambda: len(caplog.records) > 0)
        await asyncio.sleep(0.2)
        await one.stop()
    assert len(caplog.records) == 1
    assert "127.0.0.1" in caplog.records[0].message


async def test_settings_that_cannot_work_are_an_error_at_the_start(tmp_path: Path) -> None:
    kafka = KafkaSettings(security_protocol="SSL", ssl_ca_file=tmp_path / "missing.pem")
    one = Emitter(kafka, RegistrySettings(), topics=[TELEMETRY], spool=tmp_path, spool_bytes=1 << 20)
    with pytest.raises(ConfigError, match=r"missing\.pem"):
        await one.start()


async def test_a_fact_without_a_mark_of_its_own_is_spooled_as_it_is(tmp_path: Path) -> None:
    one = made(tmp_path)
    await one.start()
    one.emit(TELEMETRY, "clock", tick(0))
    await one.stop()
    spool = Spool(tmp_path, 1 << 20)
    spool.open()
    (record,) = spool.peek().records
    assert decode_body("clock_tick", disclose(record).body) == tick(0)
    spool.close()
