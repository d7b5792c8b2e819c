"""The job: after each full hour, and once when it starts, baselines of every node as facts.

The fact of an hour has the same id whenever it is made, and the same values unless panes came late. So
nothing is kept here: what could not be sent is asked for and sent again.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator
from typing import Self

from aiokafka.errors import KafkaError

from producers.baselines.question import BASELINES, NODES, facts
from producers.baselines.store import Store
from producers.connector import Connector, quiet_client, reason
from producers.link import Link
from schemas.codec import Codec
from schemas.errors import UnavailableError
from schemas.events.wes_baseline import WesBaseline
from schemas.kafka import connection
from schemas.settings import Settings
from schemas.topics import SUMMARIES

# From the end of an hour until its last panes are in the store: grace of the stage, a batch of the sink.
SETTLE_S = 120.0
CONNECT_S = 10.0
FIRST_RETRY_S, LAST_RETRY_S = 1.0, 60.0
DELIVERY_S = 30.0

logger = logging.getLogger(__name__)


class Baselines:
    """One run of the job; enter it to use it. The store, the registry and Kafka need not be there."""

    def __init__(self, settings: Settings) -> None:
        self._interval_s = settings.baselines.interval_s
        self._store = Store(settings.clickhouse)
        self._linked = asyncio.Event()
        self._connector = Connector(
            settings.kafka, settings.registry, (SUMMARIES,), on_connect=self._linked.set
        )

    async def __aenter__(self) -> Self:
        self._connector.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._store.close()
        with contextlib.suppress(KafkaError):
            await self._connector.stop()

    async def run(self) -> None:
        """Tell the baselines of the last full interval, then of each that ends, until cancelled."""
        while True:
            at_s = due(time.time(), self._interval_s)
            await self._tell_until_next(at_s)
            await asyncio.sleep(max(0.0, at_s + self._interval_s + SETTLE_S - time.time()))

    async def tell(self, at_s: float) -> int:
        """Tell what the panes until ``at_s``, seconds since the epoch, say; return how many facts.

        Raises:
            UnavailableError: the store, the registry or Kafka is away.
        """
        told = 0
        async for baselines in self._ask(round(at_s * 1e6)):
            await self._send(baselines)
            told += len(baselines)
        return told

    async def _tell_until_next(self, at_s: float) -> None:
        """Try until it is done, or the next is due."""
        pause_s, away = FIRST_RETRY_S, False
        while time.time() < at_s + self._interval_s + SETTLE_S:
            try:
                told = await self.tell(at_s)
            except UnavailableError as exc:
                if not away:
                    logger.warning("baselines wait: %s", exc)
                away = True
                await asyncio.sleep(pause_s)
                pause_s = min(LAST_RETRY_S, pause_s * 2)
            else:
                logger.info("%d baselines were told", told)
                return

    async def _ask(self, at: int) -> AsyncIterator[tuple[WesBaseline, ...]]:
        """Yield the facts of one node after the other: a fleet of any size needs the memory of one node."""
        for node in await self._store.rows(NODES, {"at": at}):
            fleet, node_id = node["fleet"], node["node_id"]
            rows = await self._store.rows(BASELINES, {"at": at, "fleet": fleet, "node_id": node_id})
            yield facts(fleet, node_id, at, rows)

    async def _send(self, baselines: tuple[WesBaseline, ...]) -> None:
        link, codec = await self._link()
        try:
            async with asyncio.timeout(DELIVERY_S):
                sent = [await link.send(SUMMARIES, codec.encode(one), key=one.fleet) for one in baselines]
                await asyncio.gather(*sent)
        except (KafkaError, OSError) as exc:
            self._linked.clear()
            await self._connector.drop(reason(exc))
            raise UnavailableError(f"Kafka: {reason(exc)}") from exc

    async def _link(self) -> tuple[Link, Codec]:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._linked.wait(), CONNECT_S)
        link, codec = self._connector.link, self._connector.codec
        if link is None or codec is None:
            raise UnavailableError("Kafka or the registry does not answer")
        return link, codec


def due(now_s: float, interval_s: float) -> float:
    """Return the newest end of an interval whose panes have settled, seconds since the epoch."""
    return (now_s - SETTLE_S) // interval_s * interval_s


async def serve(settings: Settings) -> None:
    """Tell baselines until cancelled.

    Raises:
        ConfigError: the settings of Kafka cannot work.
    """
    quiet_client(settings.log.level)
    connection(settings.kafka)
    async with Baselines(settings) as job:
        await job.run()
