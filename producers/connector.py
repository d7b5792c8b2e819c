"""Keeps a link to Kafka and a codec from the registry: connects, and connects again, in the background."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence

from producers.link import Link, fetch_codec
from schemas.codec import Codec
from schemas.errors import PenstockError
from schemas.settings import KafkaSettings, RegistrySettings
from schemas.topics import Topic

logger = logging.getLogger(__name__)


def quiet_client(level: str) -> None:
    """Silence aiokafka, which repeats at each retry what ``Connector`` says once per outage."""
    if level != "debug":
        logging.getLogger("aiokafka").setLevel(logging.CRITICAL)


def reason(exc: BaseException) -> str:
    """Return why a link failed, in words; a timeout of ours brings none of its own."""
    return "no answer in time" if isinstance(exc, TimeoutError) else f"{type(exc).__name__}: {exc}"


class Connector:
    """``link`` is there while connected, and then ``codec`` is too; ``on_connect`` runs whenever it comes."""

    def __init__(
        self,
        kafka: KafkaSettings,
        registry: RegistrySettings,
        topics: Sequence[Topic],
        on_connect: Callable[[], None] = lambda: None,
    ) -> None:
        self._kafka = kafka
        self._registry = registry
        self._topics = tuple(topics)
        self._on_connect = on_connect
        self._task: asyncio.Task[None] | None = None
        self._away = False
        self.first_retry_s = 0.5
        self.last_retry_s = 10.0
        self.link: Link | None = None
        # Kept over reconnections: ids never change, so the registry is needed once.
        self.codec: Codec | None = None

    @property
    def hopeful(self) -> bool:
        """Whether there is a link, or no try for one has failed so far."""
        return self.link is not None or not self._away

    def start(self) -> None:
        """Begin to connect, unless that is under way or done."""
        if self.link is None and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._connect(), name="connect to Kafka")

    async def drop(self, why: str) -> None:
        """Close a link that failed, and begin to connect again."""
        link, self.link = self.link, None
        if link is not None:
            self._note_away(why)
            await link.close()
        self.start()

    async def stop(self) -> None:
        """Stop connecting, and disconnect."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        link, self.link = self.link, None
        if link is not None:
            await link.close()

    async def _connect(self) -> None:
        pause_s = self.first_retry_s
        while True:
            try:
                link = await Link.open(self._kafka, self._topics)
                await self._adopt(link)
                return
            except PenstockError as exc:
                self._note_away(str(exc))
            except Exception:
                logger.exception("connecting to Kafka failed in an unexpected way")
            await asyncio.sleep(pause_s)
            pause_s = min(self.last_retry_s, pause_s * 2)

    async def _adopt(self, link: Link) -> None:
        try:
            self.codec = self.codec or await fetch_codec(self._registry, self._topics)
        except BaseException:
            await link.close()
            raise
        self.link = link
        if self._away:
            logger.info("Kafka and the registry are back")
        self._away = False
        self._on_connect()

    def _note_away(self, why: str) -> None:
        """Say it once per outage: retries follow each other every few seconds."""
        if not self._away:
            logger.warning("facts wait until Kafka and the schema registry answer: %s", why)
        self._away = True
