"""An upstream's answer on its way, however it is carried."""

from typing import Protocol

import aiohttp


class Answer(Protocol):
    """An answer of which the headers have come."""

    @property
    def status(self) -> int:
        """The status of HTTP."""

    @property
    def ended(self) -> bool:
        """Whether all of it has come, read or not; its connection is free for others then."""

    def header(self, name: str) -> str:
        """Return a header; empty where there is none."""

    async def readany(self) -> bytes:
        """Return what has come, waiting for something to; empty at the end.

        Raises:
            OSError: it broke off.
            aiohttp.ClientError: the same, by another carrier.
        """

    def done(self) -> None:
        """Give the connection back; what is still to come of the answer is not wanted."""


class AiohttpAnswer:
    """An answer that aiohttp carries."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self.status = response.status

    @property
    def ended(self) -> bool:
        """See ``Answer``."""
        return self._response.content.is_eof()

    def header(self, name: str) -> str:
        """See ``Answer``."""
        return self._response.headers.get(name, "")

    async def readany(self) -> bytes:
        """See ``Answer``."""
        return await self._response.content.readany()

    def done(self) -> None:
        """See ``Answer``."""
        if not self.ended:
            self._response.close()
