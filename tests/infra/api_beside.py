"""An API on the real broker and store in a thread of its own, for commands that wait for its answers."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx

from schemas.settings import Settings
from tests.api.answering import Answering, answering
from tests.api.running import served
from tests.fixtures.processes import wait_until

T = TypeVar("T")


@dataclass
class Beside:
    """The running API, and what answers operators."""

    settings: Settings
    stage: Answering
    loop: asyncio.AbstractEventLoop

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.settings.api.port}"

    def do(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something on the API's loop, and wait for its end."""
        asyncio.run_coroutine_threadsafe(work, self.loop).result(30)

    def get(self, path: str) -> Any:
        """Return an answer."""
        answer = httpx.get(self.url + path, timeout=30, trust_env=False)
        return answer.json() if answer.is_success else {}

    def known(self, path: str, holds: Callable[[Any], bool]) -> None:
        """Wait until an answer is as wanted."""
        wait_until(lambda: holds(self.get(path)), what=path)


@contextmanager
def in_thread(
    make: Callable[[], AbstractAsyncContextManager[T]],
) -> Iterator[tuple[T, asyncio.AbstractEventLoop]]:
    """Run something asynchronous beside the test until left; ready when entered."""
    ready: Future[tuple[T, asyncio.AbstractEventLoop]] = Future()
    stop = asyncio.Event()

    async def live() -> None:
        try:
            async with make() as found:
                ready.set_result((found, asyncio.get_running_loop()))
                await stop.wait()
        except BaseException as exc:
            if not ready.done():
                ready.set_exception(exc)
            raise

    thread = threading.Thread(target=asyncio.run, args=(live(),))
    thread.start()
    found, loop = ready.result(120)
    try:
        yield found, loop
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(60)


@contextmanager
def beside(wanted: Settings) -> Iterator[Beside]:
    """Run the API until left, and who answers operators; ready when entered."""
    with in_thread(lambda: _running(wanted)) as (stage, loop):
        yield Beside(wanted, stage, loop)


@asynccontextmanager
async def _running(wanted: Settings) -> AsyncIterator[Answering]:
    async with answering(wanted) as stage, served(wanted) as api:
        async with asyncio.timeout(60):
            while (await api.get("/readyz")).json()["checks"]["kafka"] is not None:
                await asyncio.sleep(0.05)
        yield stage
