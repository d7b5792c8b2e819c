"""Waiting for what is away: again and again, at growing intervals, with one line in the log per outage."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

from schemas.errors import UnavailableError
from sinks.metrics import OUTAGES, WAITING

logger = logging.getLogger(__name__)

FIRST_S = 0.1
LONGEST_S = 5.0

T = TypeVar("T")


class Patience:
    """One dependency as one sink sees it; any number of its tasks may wait for it at a time."""

    def __init__(self, dependency: str, first_s: float = FIRST_S) -> None:
        self.dependency = dependency
        self._first_s = first_s
        self._waiting = 0
        WAITING.labels(dependency).set(0)

    @property
    def away(self) -> bool:
        """Whether somebody waits for it."""
        return self._waiting > 0

    async def until_done(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """Return what ``attempt`` returns, however often it raises ``UnavailableError`` first."""
        delay_s = self._first_s
        try:
            return await attempt()
        except UnavailableError as exc:
            self._begin(exc)
        try:
            while True:
                await asyncio.sleep(delay_s)
                delay_s = min(2 * delay_s, LONGEST_S)
                try:
                    return await attempt()
                except UnavailableError:
                    continue
        finally:
            self._end()

    def _begin(self, exc: UnavailableError) -> None:
        self._waiting += 1
        if self._waiting == 1:
            OUTAGES.labels(self.dependency).inc()
            WAITING.labels(self.dependency).set(1)
            logger.warning("%s is away, the sink waits and loses nothing: %s", self.dependency, exc)

    def _end(self) -> None:
        self._waiting -= 1
        if self._waiting == 0:
            WAITING.labels(self.dependency).set(0)
            logger.info("%s: nothing waits for it any more", self.dependency)


@dataclass(frozen=True, slots=True)
class Waits:
    """Everything that one sink may have to wait for."""

    clickhouse: Patience = field(default_factory=lambda: Patience("clickhouse"))
    kafka: Patience = field(default_factory=lambda: Patience("kafka"))
    registry: Patience = field(default_factory=lambda: Patience("registry"))

    @property
    def away(self) -> tuple[str, ...]:
        """What is away now, by name."""
        every = (self.clickhouse, self.kafka, self.registry)
        return tuple(each.dependency for each in every if each.away)
