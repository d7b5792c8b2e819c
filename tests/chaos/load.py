"""Nodes that send samples for as long as it lasts, and a ledger of what Kafka has acknowledged."""

import asyncio
import threading
import time
import uuid
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from schemas.codec import Codec
from schemas.kafka import connection
from schemas.registry import Registry
from schemas.settings import Settings
from schemas.topics import TELEMETRY
from tests import samples

JOIN_S = 60.0


class Load:
    """``nodes`` nodes, each sending ``rate`` samples a second; a sample that fails is sent again."""

    def __init__(self, settings: Settings, *, nodes: int, rate: float) -> None:
        self._settings = settings
        self._nodes = nodes
        self._interval_s = 1.0 / rate
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="load", daemon=True)
        self.acknowledged: set[tuple[str, int]] = set()
        self.failures: list[BaseException] = []

    def __enter__(self) -> "Load":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop making samples; return when all that were made are acknowledged."""
        self._stopping.set()
        self._thread.join(JOIN_S)
        assert not self._thread.is_alive(), "samples are still waiting for Kafka"
        assert self.failures == []

    async def _run(self) -> None:
        registry = Registry(self._settings.registry)
        codec = await registry.codec_when_up(["node_sample"])
        await registry.close()
        try:
            async with asyncio.TaskGroup() as group:
                for number in range(self._nodes):
                    group.create_task(self._node(codec, number))
        except BaseExceptionGroup as exc:
            self.failures.append(exc)

    async def _node(self, codec: Codec, number: int) -> None:
        boot_id = uuid.uuid4().hex
        producer = await self._producer()
        seq = 0
        due = time.monotonic()
        while not self._stopping.is_set():
            value = codec.encode(_sample(number, boot_id, seq))
            while not await self._sent(producer, f"load-{number}", value):
                await asyncio.sleep(0.05)
            self.acknowledged.add((boot_id, seq))
            seq += 1
            due += self._interval_s
            await asyncio.sleep(max(0.0, due - time.monotonic()))
        await producer.stop()

    async def _producer(self) -> AIOKafkaProducer:
        while True:
            producer = AIOKafkaProducer(
                **connection(self._settings.kafka),
                acks="all",
                enable_idempotence=True,
                request_timeout_ms=5000,
            )
            try:
                await producer.start()
            except (KafkaError, OSError):
                await producer.stop()
                await asyncio.sleep(0.1)
            else:
                return producer

    async def _sent(self, producer: AIOKafkaProducer, key: str, value: bytes) -> bool:
        try:
            topic = TELEMETRY.full_name(self._settings.kafka)
            await producer.send_and_wait(topic, value, key=key.encode())
        except (KafkaError, OSError):
            return False
        return True


def _sample(number: int, boot_id: str, seq: int) -> Any:
    now_us = time.time_ns() // 1000
    serving = (seq // 50) % 2 == 0
    return samples.sample(
        seq,
        node_id=f"load-{number}",
        boot_id=boot_id,
        occurred_at=now_us,
        gpus=(samples.gpu(power_w=300.0 + seq % 40, utilization_ratio=0.9 if serving else 0.0),),
        runtimes=(samples.serving(80.0 + seq % 7) if serving else samples.runtime(),),
    )
