"""Models loaded ahead: because somebody says so, or because a model has more to do than it is in memory for.

Only an Ollama loads models while it runs. Of its own accord the router loads where there is room for certain,
so that nothing else has to leave the memory: it must know how much is free, and how large the model is.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from typing import Any

import orjson

from api.router.memory import Cold, Memory
from api.router.queue.core import Queue
from api.router.seams import Upstream
from api.router.upstream.client import ERROR_BYTES, Client
from api.router.upstream.fault import Fault
from api.router.upstream.whole import read

logger = logging.getLogger(__name__)

LOOK_S = 1.0
AT_ONCE = 2
"""Models that are loaded ahead at the same time, of the router's own accord."""
AGAIN_S = 300.0
"""An upstream is not asked for the same model again for so long: it may have dropped it for another one."""
_SPARE = 1.1
"""A model needs more memory than its file has: its cache, and what it computes in."""


class Warmer:
    """Loads models ahead.

    Args:
        client: asks the upstreams.
        memory: knows where models are, and where there is room.
        closed: tells the ids of upstreams that get nothing.
        loading: is told that an upstream begins or ends to load a model, by the upstream's name for it.
        loaded: called when a model is in memory, before whoever waits for that goes on.
        timeout_s: longest that it may take.

    Attributes:
        done: models loaded; ``failed``: those that were not.
    """

    def __init__(
        self,
        client: Client,
        memory: Memory,
        *,
        closed: Callable[[], frozenset[str]],
        loading: Callable[[str, str, bool], None],
        loaded: Callable[[], Coroutine[Any, Any, None]],
        timeout_s: float,
    ) -> None:
        self._client = client
        self._memory = memory
        self._closed = closed
        self._loading = loading
        self._loaded = loaded
        self._timeout_s = timeout_s
        self._tasks: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._asked_s: dict[tuple[str, str], float] = {}
        self.done = self.failed = 0

    def candidates(self, model: str) -> list[Cold]:
        """Return the upstreams that could load a model, that with the most room first."""
        closed = self._closed()
        return [one for one in self._memory.cold(model) if one.upstream.id not in closed]

    async def warm(self, cold: Cold) -> float:
        """Load a model; who stops waiting stops nothing.

        Returns:
            Seconds that it took.

        Raises:
            Fault: it is not loaded.
        """
        began_s = time.monotonic()
        await asyncio.shield(self._begun(cold))
        return time.monotonic() - began_s

    async def run(self, queue: Queue, depth: int) -> None:
        """Load what has much to do, until cancelled; ``depth``: see ``place_for``."""
        while True:
            await asyncio.sleep(LOOK_S)
            for model in busy(queue, depth):
                if len(self._tasks) >= AT_ONCE:
                    break
                if (cold := self.place_for(model, queue, depth)) is not None:
                    logger.info("%s loads %s ahead: it has much to do", cold.upstream.id, model)
                    self._begun(cold).add_done_callback(_heard)

    async def close(self) -> None:
        """End what is under way; Ollama may load on."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def place_for(self, model: str, queue: Queue, depth: int) -> Cold | None:
        """Return where a model is to be loaded besides; None: nowhere.

        Args:
            model: the model.
            queue: knows how much it has to do.
            depth: requests, waiting or in flight, for each place that has it in memory, from which it is.
        """
        places = self._memory.places(model)
        if any((one.upstream.id, one.place.model) in self._tasks for one in places):
            return None
        loaded = sum(one.place.loaded for one in places)
        known = queue.models[model]
        if known.waiting + known.capacity.in_flight < depth * max(1, loaded):
            return None
        now_s = time.monotonic()
        for cold in self.candidates(model):
            asked_s = self._asked_s.get((cold.upstream.id, cold.place.model))
            if cold.place.condition.memory_free_bytes >= _SPARE * cold.place.size_bytes and (
                asked_s is None or now_s - asked_s > AGAIN_S
            ):
                return cold
        return None

    def _begun(self, cold: Cold) -> "asyncio.Task[None]":
        key = cold.upstream.id, cold.place.model
        task = self._tasks.get(key)
        if task is None:
            now_s = time.monotonic()
            self._asked_s = {of: at_s for of, at_s in self._asked_s.items() if now_s - at_s < AGAIN_S}
            self._asked_s[key] = now_s
            task = self._tasks[key] = asyncio.create_task(self._run(cold.upstream, cold.place.model))
        return task

    async def _run(self, upstream: Upstream, model: str) -> None:
        self._loading(upstream.id, model, True)
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._load(upstream, model)
            await self._loaded()
            self.done += 1
        except Fault as exc:
            self.failed += 1
            logger.warning("%s does not load %s: %s", upstream.id, model, exc.message)
            raise
        except TimeoutError:
            self.failed += 1
            raise Fault(f"{upstream.id} has not loaded {model} in {self._timeout_s:g} s") from None
        finally:
            self._loading(upstream.id, model, False)
            del self._tasks[upstream.id, model]

    async def _load(self, upstream: Upstream, model: str) -> None:
        """Ask for nothing of a model: that loads it. One that only embeds says that it cannot generate."""
        try:
            await self._ask(upstream, "/api/generate", {"model": model, "stream": False})
        except Fault as exc:
            if exc.status != 400:
                raise
            await self._ask(upstream, "/api/embed", {"model": model, "input": " "})

    async def _ask(self, upstream: Upstream, path: str, body: dict[str, object]) -> None:
        answer = await self._client.post(upstream, path, orjson.dumps(body))
        try:
            told = await read(answer, upstream.id, limit=ERROR_BYTES, cut=True, heard=lambda: None)
        finally:
            answer.done()
        if answer.status != 200:
            raise Fault(f"{upstream.id} answered {answer.status}", status=answer.status, answer=told)


def busy(queue: Queue, depth: int) -> list[str]:
    """Return the models of which at least ``depth`` requests wait or are in flight, the busiest first."""
    counts = {name: model.waiting + model.capacity.in_flight for name, model in queue.models.items()}
    return sorted((name for name, count in counts.items() if count >= depth), key=lambda name: -counts[name])


def _heard(task: "asyncio.Task[None]") -> None:
    """Take note of an end that nobody waits for; a failure has been logged."""
    if not task.cancelled():
        task.exception()
