"""The notifier: a member of its consumer group, with a session for the partitions it has."""

import asyncio
import logging
from collections.abc import Collection

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition

from schemas.kafka import METADATA_MAX_AGE_MS, connection
from schemas.settings import Settings
from schemas.topics import NOTIFICATIONS
from sinks.notify.services import Services
from sinks.notify.session import LAST_S, Session

logger = logging.getLogger(__name__)

# Kafka may be away for days; a notifier that waits for it stays in the group.
MOST_IDLE_MS = 2**31 - 1


def group_of(settings: Settings) -> str:
    """Return the name of the consumer group."""
    return f"{settings.kafka.topic_prefix}notifier"


class Notifier(ConsumerRebalanceListener):  # type: ignore[misc] # aiokafka has no types
    """Sends what is due, together with all other notifiers of the group."""

    def __init__(self, services: Services) -> None:
        self._services = services
        settings = services.settings
        session_ms = round(settings.notifier.session_timeout_s * 1000)
        self._consumer = AIOKafkaConsumer(
            **connection(settings.kafka),
            group_id=group_of(settings),
            enable_auto_commit=False,
            isolation_level="read_committed",
            metadata_max_age_ms=METADATA_MAX_AGE_MS,
            auto_offset_reset="earliest",
            session_timeout_ms=session_ms,
            heartbeat_interval_ms=session_ms // 3,
            rebalance_timeout_ms=session_ms + round(2000 * LAST_S),
            max_poll_interval_ms=MOST_IDLE_MS,
            fetch_max_wait_ms=100,
        )
        self._session: Session | None = None
        self._task: asyncio.Task[None] | None = None
        self._failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def run(self) -> None:
        """Send until cancelled; attempts under way are seen through then.

        Raises:
            Exception: a defect.
        """
        await self._services.patience.until_done("kafka", self._consumer.start)
        try:
            self._consumer.subscribe([NOTIFICATIONS.full_name(self._services.settings.kafka)], listener=self)
            await self._failed
        finally:
            await self._end_session()
            await self._consumer.stop()

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        """See attempts under way through, for as long as the group waits."""
        await self._end_session()

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """Begin with the partitions."""
        await self._end_session()
        if assigned:
            self._session = Session(self._services, self._consumer, assigned)
            self._task = asyncio.create_task(self._watch(self._session))

    async def _watch(self, session: Session) -> None:
        try:
            await session.run()
        except Exception as exc:  # noqa: BLE001 - the outermost frame of a session
            if not self._failed.done():
                self._failed.set_exception(exc)

    async def _end_session(self) -> None:
        session, task = self._session, self._task
        self._session = self._task = None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        if session is not None:
            await session.close()
