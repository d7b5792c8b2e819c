"""Clients that ask a router, steadily or without end, and count what they were told."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

CHAT = "/v1/chat/completions"


class Clients:
    """What clients saw: ids of requests that were answered with a status, and how many answers were whole."""

    def __init__(self) -> None:
        self.ids: set[str] = set()
        self.whole: set[str] = set()
        self.failed = 0

    async def ask(self, session: aiohttp.ClientSession, url: str, model: str = "m") -> None:
        """Ask once, for a stream, and read it to its end."""
        body = json.dumps({"model": model, "stream": True, "messages": [{"role": "user", "content": "hi"}]})
        try:
            async with session.post(f"{url}{CHAT}", data=body) as answer:
                request_id = answer.headers["x-penstock-request-id"]
                self.ids.add(request_id)
                text = await answer.read()
                if answer.status == 200 and b"[DONE]" in text:
                    self.whole.add(request_id)
        except (aiohttp.ClientError, OSError):
            self.failed += 1

    async def ask_on(self, session: aiohttp.ClientSession, url: str, model: str = "m") -> None:
        """Ask again and again, until cancelled."""
        while True:
            await self.ask(session, url, model)
            await asyncio.sleep(0.01)


@asynccontextmanager
async def asking(url: str, clients: Clients, *, count: int, model: str = "m") -> AsyncIterator[None]:
    """Let so many clients ask while the block runs."""
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:
        tasks = [asyncio.create_task(clients.ask_on(session, url, model)) for _ in range(count)]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
