"""What the integration tests share: inputs into a topic, everything that came out, and workers to kill."""

import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from schemas.codec import Event
from schemas.kafka import connection
from schemas.registry import Registry
from schemas.settings import KafkaSettings, Settings
from schemas.topics import Topic
from tests.fixtures.ports import free_port
from tests.fixtures.processes import wait_until

Sent = tuple[int, bytes, bytes]


class Worker:
    """A worker process with the counting stage."""

    def __init__(self, settings: Settings, log: Path, port: int | None = None) -> None:
        self.port = port or free_port()
        self._log = log
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PENSTOCK_")}
        environment |= {
            "PENSTOCK_KAFKA__BOOTSTRAP_SERVERS": settings.kafka.bootstrap_servers,
            "PENSTOCK_KAFKA__TOPIC_PREFIX": settings.kafka.topic_prefix,
            "PENSTOCK_REGISTRY__URL": settings.registry.url,
            "PENSTOCK_WORKER__METRICS_PORT": str(self.port),
            "PENSTOCK_WORKER__BATCH_RECORDS": str(settings.worker.batch_records),
            "PENSTOCK_WORKER__SESSION_TIMEOUT_S": str(settings.worker.session_timeout_s),
        }
        command = [sys.executable, "-m", "tests.processors.faust.counting_worker"]
        with log.open("ab") as output:
            self.process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)

    @property
    def healthz(self) -> int:
        """The status of /healthz; 0 while nothing answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=2) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as exc:
            return exc.code
        except OSError:
            return 0

    def metric(self, name: str, *labels: str) -> float:
        """The sum of a metric's samples whose labels contain each of the texts."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=5) as answer:
            lines = answer.read().decode().splitlines()
        found = (line for line in lines if line.startswith((name + "{", name + " ")))
        return sum(float(line.rsplit(" ", 1)[1]) for line in found if all(each in line for each in labels))

    def log(self) -> str:
        return self._log.read_text("utf-8", "replace")

    def kill(self) -> None:
        """End it without warning."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """Ask it to end, and return its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


def running_worker(settings: Settings, log: Path) -> Worker:
    """Start a worker and wait until it is well."""
    worker = Worker(settings, log)
    wait_until(lambda: worker.healthz == 200 or worker.process.poll() is not None, what="a healthy worker")
    assert worker.process.poll() is None, worker.log()
    return worker


@asynccontextmanager
async def sender(settings: KafkaSettings) -> AsyncIterator[Any]:
    """A producer to put records in with."""
    producer = AIOKafkaProducer(**connection(settings), linger_ms=5, enable_idempotence=True)
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


async def encoded(settings: Settings, events: Iterable[tuple[int, str, Event]]) -> list[Sent]:
    """Return events as records: partition, key, value."""
    registry = Registry(settings.registry)
    try:
        codec = await registry.codec_when_up()
    finally:
        await registry.close()
    return [(partition, key.encode(), codec.encode(event)) for partition, key, event in events]


async def put(settings: KafkaSettings, topic: Topic, records: Sequence[Sent]) -> None:
    """Send records in order."""
    name = topic.full_name(settings)
    async with sender(settings) as producer:
        futures = [
            await producer.send(name, value, key, partition=partition) for partition, key, value in records
        ]
        for future in futures:
            await future


async def committed(settings: KafkaSettings, topic: Topic) -> list[Any]:
    """Return every committed record of a topic, partition by partition, as it is now."""
    reader = AIOKafkaConsumer(**connection(settings), isolation_level="read_committed")
    await reader.start()
    try:
        numbers = await _partitions(reader, topic.full_name(settings))
        places = [TopicPartition(topic.full_name(settings), number) for number in numbers]
        reader.assign(places)
        ends = await reader.end_offsets(places)
        for place, first in (await reader.beginning_offsets(places)).items():
            reader.seek(place, first)
        found: list[Any] = []
        for place in places:
            while await reader.position(place) < ends[place]:
                for records in (await reader.getmany(place, timeout_ms=200)).values():
                    found.extend(records)
        return found
    finally:
        await reader.stop()


async def _partitions(reader: Any, name: str) -> list[int]:
    await reader._client._wait_on_metadata(name)
    return sorted(reader.partitions_for_topic(name) or ())
