"""A sink between a real broker and a real store, and what a test does to it."""

import asyncio
import json
import multiprocessing
import os
import signal
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from multiprocessing.process import BaseProcess
from typing import Any

import httpx
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from schemas.codec import Codec, Event
from schemas.kafka import ensure_topics
from schemas.registry import Registry
from schemas.settings import Settings
from schemas.topics import TOPICS, topic_of
from sinks.clickhouse.serve import serve
from sinks.clickhouse.sink import group_of

# A fresh process each time, of a server that has imported the sink once.
_FRESH = multiprocessing.get_context("forkserver")
_FRESH.set_forkserver_preload(["sinks.clickhouse.serve"])
DEADLINE_S = 60.0


def _serve(settings: Settings) -> None:
    async def until_told() -> None:
        task = asyncio.ensure_future(serve(settings))
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        await asyncio.gather(task, return_exceptions=True)
        if not task.cancelled():
            task.result()

    asyncio.run(until_told())


class SinkProcess:
    """A running sink."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.process: BaseProcess = _FRESH.Process(target=_serve, args=(settings,), daemon=True)
        self.process.start()

    def kill(self) -> None:
        assert self.process.pid is not None
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.join()

    def stop(self) -> int | None:
        self.process.terminate()
        self.process.join(20)
        if self.process.is_alive():
            self.kill()
        return self.process.exitcode

    def health(self) -> Mapping[str, Any]:
        answer = httpx.get(f"http://127.0.0.1:{self.settings.sink.metrics_port}/healthz").json()
        assert isinstance(answer, dict)
        return answer


class World:
    """One prefix of topics and one database."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.sinks: list[SinkProcess] = []

    def start_sink(self, settings: Settings | None = None) -> SinkProcess:
        self.sinks.append(SinkProcess(settings or self.settings))
        return self.sinks[-1]

    def close(self) -> None:
        for sink in self.sinks:
            if sink.process.is_alive():
                sink.kill()

    def topic(self, name: str) -> str:
        return self.settings.kafka.topic_prefix + name

    async def codec(self) -> Codec:
        registry = Registry(self.settings.registry)
        try:
            return await registry.codec()
        finally:
            await registry.close()

    async def make_topics(self) -> None:
        await ensure_topics(self.settings.kafka)

    async def delete_topic(self, name: str) -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.settings.kafka.bootstrap_servers)
        await admin.start()
        try:
            await admin.delete_topics([self.topic(name)])
        finally:
            await admin.close()

    async def send(self, events: Iterable[Event], partition: int | None = None) -> int:
        """Send events to their topics, keyed by node, and return how many Kafka acknowledged."""
        codec = await self.codec()
        records = [(topic_of(type_name(event)).name, key_of(event), codec.encode(event)) for event in events]
        return await self.send_raw(records, partition)

    async def send_raw(
        self, records: Sequence[tuple[str, bytes | None, bytes | None]], partition: int | None = None
    ) -> int:
        producer = AIOKafkaProducer(
            bootstrap_servers=self.settings.kafka.bootstrap_servers, enable_idempotence=True, linger_ms=5
        )
        await producer.start()
        try:
            sent = [
                await producer.send(self.topic(topic), value, key=key, partition=partition)
                for topic, key, value in records
            ]
            return len(await asyncio.gather(*sent))
        finally:
            await producer.stop()

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """Return the rows of a query; ``FROM`` names tables of the database."""
        answer = httpx.post(
            self.settings.clickhouse.url,
            params={"database": self.settings.clickhouse.database, "default_format": "JSONEachRow"},
            content=sql,
            timeout=60,
        )
        assert answer.status_code == 200, answer.text
        return [json.loads(line) for line in answer.text.splitlines()]

    def value(self, sql: str) -> Any:
        (row,) = self.rows(sql)
        (value,) = row.values()
        return int(value) if isinstance(value, str) and value.isdigit() else value

    async def eventually(
        self, condition: Callable[[], object], what: str, deadline_s: float = DEADLINE_S
    ) -> None:
        """Wait until a condition holds; a store that is away or a table that is not there yet does not."""
        end = time.monotonic() + deadline_s
        while True:
            try:
                if condition():
                    return
            except (httpx.HTTPError, AssertionError, ValueError):
                pass
            assert time.monotonic() < end, f"{what} did not hold within {deadline_s} s"
            await asyncio.sleep(0.05)

    async def stored(self, topic: str, records: int, deadline_s: float = DEADLINE_S) -> None:
        """Wait until the log has so many records of a topic, and Kafka knows that they are stored."""
        sql = f"SELECT count() FROM event_log WHERE topic = '{self.topic(topic)}'"
        await self.eventually(lambda: self.value(sql) >= records, f"{records} records of {topic}", deadline_s)
        await self.until_committed(topic, deadline_s)

    async def until_committed(self, topic: str, deadline_s: float = DEADLINE_S) -> None:
        """Wait until nothing of a topic is pending and nothing is left to store."""
        end = time.monotonic() + deadline_s
        while not await self._committed(topic):
            assert time.monotonic() < end, f"{topic} was not committed to its end within {deadline_s} s"
            await asyncio.sleep(0.05)

    async def _committed(self, topic: str) -> bool:
        name = self.topic(topic)
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.settings.kafka.bootstrap_servers, isolation_level="read_committed"
        )
        admin = AIOKafkaAdminClient(bootstrap_servers=self.settings.kafka.bootstrap_servers)
        await consumer.start()
        await admin.start()
        try:
            count = next(each for each in TOPICS if each.name == topic).partitions(self.settings.kafka)
            places = [TopicPartition(name, number) for number in range(count)]
            ends = await consumer.end_offsets(places)
            found = await admin.list_consumer_group_offsets(group_of(self.settings), partitions=places)
        finally:
            await admin.close()
            await consumer.stop()
        return all(
            end == 0 or (found[place].offset >= end and ":" not in found[place].metadata)
            for place, end in ends.items()
        )

    def assert_exactly_once(self, topic: str, table: str, sent: int) -> None:
        """Every record is in the log and in a table with one row an event, and none is there twice."""
        for name in ("event_log", table):
            row = self.rows(
                f"SELECT count() AS n, uniqExact(partition, offset) AS places FROM {name}"
                f" WHERE topic = '{self.topic(topic)}'"
            )[0]
            assert (int(row["n"]), int(row["places"])) == (sent, sent), name


def type_name(event: Event) -> str:
    from schemas.codec import EVENT_TYPES

    return next(name for name, kind in EVENT_TYPES.items() if type(event) is kind)


def key_of(event: Event) -> bytes | None:
    node_id = getattr(event, "node_id", None)
    return node_id.encode() if isinstance(node_id, str) else None


Act = Callable[[], Awaitable[None]]
