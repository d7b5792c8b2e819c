"""Lets an Ollama upstream pull a model that nobody has, where the settings allow it."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from api.router.errors import Declined
from api.router.outcome import Outcome
from api.router.reading import count
from api.router.seams import Upstream
from api.router.upstream.client import Client
from api.router.upstream.fault import Fault

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Progress:
    """How far a pull is, bytes; ``status`` is Ollama's word for it."""

    model: str
    upstream: str
    status: str = "begun"
    completed: int = 0
    total: int = 0


class Pulls:
    """Pulls under way; a model is pulled once, however many ask for it, by the first of those that can.

    Args:
        client: asks the upstreams.
        timeout_s: longest that one may take.
        pulled: called when there is a new model, before those that wait for it go on.
    """

    def __init__(
        self, client: Client, timeout_s: float, pulled: Callable[[], Coroutine[Any, Any, None]]
    ) -> None:
        self._client = client
        self._timeout_s = timeout_s
        self._pulled = pulled
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._progress: dict[str, Progress] = {}
        self.pulled = self.failed = 0

    def of(self, model: str) -> Progress | None:
        """Return how far the pull of a model is; None: there is none."""
        return self._progress.get(model)

    def under_way(self) -> Sequence[Progress]:
        """Return all of them."""
        return list(self._progress.values())

    def progress(self) -> Sequence[Mapping[str, Any]]:
        """Return how far each pull is."""
        return [asdict(progress) for progress in self.under_way()]

    async def pull(self, model: str, upstreams: Sequence[Upstream]) -> None:
        """Wait until a model has been pulled; who stops waiting stops nobody else's pull.

        Raises:
            Declined: it cannot be.
        """
        task = self._tasks.get(model)
        if task is None:
            task = asyncio.create_task(self._run(model, upstreams[0]))
            self._tasks[model] = task
        await asyncio.shield(task)

    async def close(self) -> None:
        """End every pull; Ollama keeps what it has of them."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _run(self, model: str, upstream: Upstream) -> None:
        progress = self._progress[model] = Progress(model, upstream.id)
        logger.info("%s pulls %s", upstream.id, model)
        try:
            async with asyncio.timeout(self._timeout_s):
                async for told in self._client.lines(upstream, "/api/pull", {"model": model, "stream": True}):
                    _note(progress, told)
            await self._pulled()
            self.pulled += 1
        except TimeoutError:
            raise self._declined(f"pulling {model} took longer than {self._timeout_s:g} s") from None
        except Fault as exc:
            raise self._declined(f"model {model!r} not found, and not pulled: {exc.message}") from None
        finally:
            del self._tasks[model], self._progress[model]

    def _declined(self, message: str) -> Declined:
        logger.warning("%s", message)
        self.failed += 1
        return Declined(Outcome.REJECTED_UNADMITTABLE, 404, message, param="model", code="model_not_found")


def _note(progress: Progress, told: Mapping[str, Any]) -> None:
    error = told.get("error")
    if error:
        raise Fault(str(error))
    progress.status = str(told.get("status", ""))
    progress.completed, progress.total = count(told.get("completed")) or 0, count(told.get("total")) or 0
