"""Waiting for Kafka and the registry: at growing intervals, with one line in the log for each outage."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from aiokafka.errors import KafkaError

from schemas.errors import UnavailableError
from sinks.notify.metrics import DEPENDENCY_WAITING

logger = logging.getLogger(__name__)

FIRST_S, LONGEST_S = 0.1, 5.0

T = TypeVar("T")


class Patience:
    """What one notifier waits for; any number of its tasks may wait at a time."""

    def __init__(self) -> None:
        self._waiting: dict[str, int] = {}
        for dependency in ("kafka", "registry"):
            DEPENDENCY_WAITING.labels(dependency).set(0)

    @property
    def away(self) -> tuple[str, ...]:
        """What is away now, by name."""
        return tuple(sorted(name for name, number in self._waiting.items() if number))

    async def until_done(self, dependency: str, attempt: Callable[[], Awaitable[T]]) -> T:
        """Return what ``attempt`` returns, however often it finds the dependency away first."""
        delay_s = FIRST_S
        begun = False
        try:
            while True:
                try:
                    return await attempt()
                except (UnavailableError, KafkaError, OSError) as exc:
                    if not begun:
                        begun = True
                        self._begin(dependency, exc)
                await asyncio.sleep(delay_s)
                delay_s = min(2 * delay_s, LONGEST_S)
        finally:
            if begun:
                self._end(dependency)

    def _begin(self, dependency: str, exc: Exception) -> None:
        before = self._waiting.get(dependency, 0)
        self._waiting[dependency] = before + 1
        if not before:
            DEPENDENCY_WAITING.labels(dependency).set(1)
            logger.warning("%s is away, the notifier waits and loses nothing: %r", dependency, exc)

    def _end(self, dependency: str) -> None:
        self._waiting[dependency] -= 1
        if not self._waiting[dependency]:
            DEPENDENCY_WAITING.labels(dependency).set(0)
            logger.info("%s: nothing waits for it any more", dependency)
