"""Who answers operators where the pattern and the fleet stage would: on the real topics."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from api.query.finding import Finding, id_of, kind_of
from api.query.live import EVENTS
from schemas.codec import Codec
from schemas.events.node_state import NodeState
from schemas.events.observation import Observation
from schemas.events.operator_action import OperatorAction
from schemas.kafka import connection, ensure_topics
from schemas.registry import Registry
from schemas.settings import Settings
from schemas.topics import NODE_STATES, PANES, SUMMARIES, TOPICS
from tests.api.findings import SECOND


@dataclass
class Answering:
    """Stands where the pattern and the fleet stage stand: takes actions, writes what came of them."""

    settings: Settings
    codec: Codec
    producer: AIOKafkaProducer
    acted: list[tuple[str, str, OperatorAction]] = field(default_factory=list)
    open: dict[str, Finding] = field(default_factory=dict)
    answers: bool = True

    async def write(self, event: Any) -> None:
        """Write an event of an observation or alert, and remember it as the latest."""
        self.open[id_of(event)] = event
        key = event.node_id if isinstance(event, Observation) else event.fleet
        topic = kind_of(event).topic.full_name(self.settings.kafka)
        await self.producer.send_and_wait(topic, self.codec.encode(event), key=key.encode())

    async def state(self, event: NodeState) -> None:
        """Write the state of a node."""
        topic = NODE_STATES.full_name(self.settings.kafka)
        await self.producer.send_and_wait(topic, self.codec.encode(event), key=event.node_id.encode())

    async def run(self) -> None:
        """Answer operator actions until cancelled."""
        topics = [topic.full_name(self.settings.kafka) for topic in (PANES, SUMMARIES)]
        consumer = AIOKafkaConsumer(
            *topics, **connection(self.settings.kafka), auto_offset_reset="earliest", fetch_max_wait_ms=50
        )
        await consumer.start()
        try:
            async for record in consumer:
                action = self.codec.decode(record.value)
                assert isinstance(action, OperatorAction)
                self.acted.append((record.topic, record.key.decode(), action))
                if self.answers:
                    await self.write(self._answer(action))
        finally:
            await consumer.stop()

    def _answer(self, action: OperatorAction) -> Finding:
        latest = self.open[action.target_id]
        changed: dict[str, dict[str, Any]] = {
            "acknowledge": {"acknowledged_by": action.by, "acknowledged_until": action.expires_at},
            "dismiss": {"dismissed_until": action.expires_at},
            "restore": {"acknowledged_by": "", "acknowledged_until": 0, "dismissed_until": 0},
            "resolve": {},
        }
        after = latest._replace(
            revision=latest.revision + 1,
            occurred_at=latest.occurred_at + SECOND,
            reason="operator",
            **changed[action.action],
        )
        kind = kind_of(latest)
        return (kind.resolved if action.action == "resolve" else kind.updated)(*after)


@asynccontextmanager
async def answering(to: Settings) -> AsyncIterator[Answering]:
    """Make the topics, and answer what comes."""
    await ensure_topics(to.kafka, TOPICS)
    registry = Registry(to.registry)
    codec = await registry.codec(("operator_action", *EVENTS))
    await registry.close()
    producer = AIOKafkaProducer(**connection(to.kafka))
    await producer.start()
    stage = Answering(to, codec, producer)
    running = asyncio.create_task(stage.run())
    try:
        yield stage
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        await producer.stop()
