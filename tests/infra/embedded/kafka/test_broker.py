"""The broker as a process: what it accepts, how it ends, what it says when it cannot start."""

import signal
import socket
import uuid
from pathlib import Path

import psutil
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from infra.embedded.kafka import is_ready
from schemas.kafka import ensure_topics
from schemas.settings import KafkaSettings
from schemas.topics import TELEMETRY
from tests.fixtures.kafka import broker
from tests.fixtures.ports import free_port
from tests.fixtures.processes import running, wait_until

pytestmark = pytest.mark.integration


def _environment(data_dir: Path, port: int, **more: str) -> dict[str, str]:
    return {
        "PENSTOCK_DATA_DIR": str(data_dir),
        "PENSTOCK_EMBEDDED__KAFKA_PORT": str(port),
        "PENSTOCK_EMBEDDED__KAFKA_CONTROLLER_PORT": str(free_port()),
    } | more


def _refusal(environment: dict[str, str], folder: Path) -> tuple[int, str]:
    log = folder / "out"
    with running("infra.embedded.kafka", environment, log) as process:
        code = process.wait(60)
    return code, log.read_text("utf-8")


@pytest.mark.asyncio
async def test_a_transaction_is_read_back_once_committed(kafka_settings: KafkaSettings) -> None:
    await ensure_topics(kafka_settings, [TELEMETRY])
    name = TELEMETRY.full_name(kafka_settings)
    servers = kafka_settings.bootstrap_servers
    async with (
        AIOKafkaProducer(bootstrap_servers=servers, transactional_id=uuid.uuid4().hex) as producer,
        AIOKafkaConsumer(
            name, bootstrap_servers=servers, isolation_level="read_committed", auto_offset_reset="earliest"
        ) as consumer,
    ):
        async with producer.transaction():
            await producer.send_and_wait(name, b"value", key=b"key", partition=0)
        record = await consumer.getone()
    assert (record.key, record.value) == (b"key", b"value")
    assert record.timestamp_type == 1, "LogAppendTime"


@pytest.mark.asyncio
async def test_a_misspelt_topic_is_not_created(kafka_settings: KafkaSettings, topic_prefix: str) -> None:
    producer = AIOKafkaProducer(
        bootstrap_servers=kafka_settings.bootstrap_servers, request_timeout_ms=1000, metadata_max_age_ms=500
    )
    async with producer:
        with pytest.raises(Exception, match=r"UnknownTopicOrPartition|Timeout"):
            await producer.send_and_wait(topic_prefix + "misspelt", b"value")


@pytest.mark.asyncio
async def test_what_was_acknowledged_is_there_after_kill_9(tmp_path: Path) -> None:
    port = free_port()
    settings = KafkaSettings(bootstrap_servers=f"127.0.0.1:{port}")
    name = TELEMETRY.full_name(settings)
    with broker(tmp_path, port) as process:
        await ensure_topics(settings, [TELEMETRY])
        async with AIOKafkaProducer(bootstrap_servers=settings.bootstrap_servers) as producer:
            await producer.send_and_wait(name, b"kept", partition=0)
        java = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        assert java
        wait_until(lambda: not any(map(_runs, java)), what="Java ends with the process that started it")
    with broker(tmp_path, port):
        consumer = AIOKafkaConsumer(
            name, bootstrap_servers=settings.bootstrap_servers, auto_offset_reset="earliest"
        )
        async with consumer:
            assert (await consumer.getone()).value == b"kept"


def _runs(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def test_sigterm_ends_it_cleanly(tmp_path: Path) -> None:
    with broker(tmp_path, free_port()) as process:
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    assert (tmp_path / "broker.out").read_text("utf-8") == "", "an ordinary start and stop warns of nothing"
    assert (tmp_path / "kafka" / "data" / ".kafka_cleanshutdown").is_file()
    assert "shut down completed" in (tmp_path / "kafka" / "logs" / "kafka.log").read_text("utf-8")


@pytest.mark.parametrize("setting", ["kafka_port", "kafka_controller_port"])
def test_a_port_in_use_names_port_and_setting(tmp_path: Path, setting: str) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        variable = f"PENSTOCK_EMBEDDED__{setting.upper()}"
        code, said = _refusal(_environment(tmp_path, free_port()) | {variable: str(port)}, tmp_path)
    assert code != 0
    assert str(port) in said
    assert f"embedded.{setting}" in said
    assert "Traceback" not in said


@pytest.mark.asyncio
async def test_is_ready_is_false_where_nothing_listens() -> None:
    assert not await is_ready(KafkaSettings(bootstrap_servers=f"127.0.0.1:{free_port()}"))


def test_a_broker_that_ends_by_itself_says_why(tmp_path: Path) -> None:
    data = tmp_path / "kafka" / "data"
    data.mkdir(parents=True)
    (data / "meta.properties").write_text("version=9\n")
    code, said = _refusal(_environment(tmp_path, free_port()), tmp_path)
    assert code == 1
    assert "ERROR infra.embedded.kafka.broker kafka: MetaPropertiesEnsemble" in said
    assert "Kafka ended by itself with exit code 1" in said
