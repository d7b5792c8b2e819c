"""How many statements run at once; the others wait in the order in which they came."""

import asyncio

from infra.embedded.clickhouse.failure import TOO_MANY_SIMULTANEOUS_QUERIES, refusal

WAIT_S = 60.0


class Slots:
    """A number of places of one kind."""

    def __init__(self, places: int, kind: str, wait_s: float = WAIT_S) -> None:
        self._free = asyncio.Semaphore(places)
        self._places = places
        self._kind = kind
        self._wait_s = wait_s

    async def acquire(self) -> None:
        """Take a place.

        Raises:
            ClickHouseError: none became free in time.
        """
        try:
            async with asyncio.timeout(self._wait_s):
                await self._free.acquire()
        except TimeoutError as exc:
            raise refusal(
                TOO_MANY_SIMULTANEOUS_QUERIES,
                "TOO_MANY_SIMULTANEOUS_QUERIES",
                f"Too many simultaneous {self._kind} queries: "
                f"all {self._places} places were taken for {self._wait_s:g} s",
            ) from exc

    def release(self) -> None:
        """Give a place back."""
        self._free.release()
