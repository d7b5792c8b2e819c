"""How a client of Kafka is stopped, whatever state it is in."""

import asyncio
import logging
from typing import Any, Protocol

logger = logging.getLogger(__name__)


class Client(Protocol):
    """A consumer or producer of aiokafka."""

    async def stop(self) -> Any:  # noqa: ANN401 - aiokafka has no types
        """Disconnect."""


async def stop(client: Client, *, within_s: float) -> None:
    """Stop a client, or leave it after ``within_s``."""
    # With the broker away stop() may wait for it, a producer's as long as records wait; or it passes on the
    # CancelledError of a task of its own, which here would look as if we were cancelled (aiokafka 0.14). So
    # it runs beside us.
    task = asyncio.ensure_future(client.stop())
    await asyncio.wait({task}, timeout=within_s)
    if not task.done():
        task.cancel()
    elif not task.cancelled() and (error := task.exception()):
        logger.debug("stopping a client of Kafka: %s", error)
