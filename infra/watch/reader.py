"""Keeps a board filled from the API: the nodes each second, observations and alerts as they change."""

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass

import httpx

from infra.cli.asking.answers import away, headers, refusal
from infra.watch.board import TOPICS, Board, Kind
from infra.watch.events import Event, events
from schemas.errors import ConfigError, PenstockError, UnavailableError
from schemas.settings import ApiSettings

NODES_EVERY_S = 1.0
# The API sends a comment at least each 15 s.
SILENT_S = 40.0
_FIRST_RETRY_S, _LAST_RETRY_S = 0.5, 5.0
_PAGE = {"limit": "500"}


@dataclass(frozen=True, slots=True)
class Place:
    """Which API, and what of it."""

    url: str
    fleet: str = ""
    node_id: str = ""

    @property
    def filters(self) -> dict[str, str]:
        """The parameters that the API knows for this."""
        return {name: value for name, value in (("fleet", self.fleet), ("node", self.node_id)) if value}


class Reader:
    """Fills one board."""

    def __init__(self, settings: ApiSettings, place: Place) -> None:
        self.board = Board()
        self._place = place
        self._last_id = ""
        self._troubles = {"nodes": "connecting", "stream": "connecting"}
        self._http = httpx.AsyncClient(
            base_url=place.url,
            headers=headers(settings),
            timeout=httpx.Timeout(10.0, connect=3.0),
            trust_env=False,
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def once(self) -> Board:
        """Fill the board from what is so now.

        Raises:
            UnavailableError: the API does not answer, or does not know yet.
            ConfigError: it wants a key.
            RefusedError: it says no.
        """
        await self._take_nodes()
        kinds: tuple[tuple[str, Kind], ...] = (("observations", "observation"), ("alerts", "alert"))
        for plural, kind in kinds:
            asked = {**self._place.filters, **_PAGE, "state": "open,acknowledged,dismissed"}
            for finding in (await self._get(f"/api/v1/{plural}", asked))[plural]:
                self.board.take(kind, finding)
        self.board.trouble = ""
        return self.board

    async def run(self) -> None:
        """Read until cancelled; what is away is tried again, and said.

        Raises:
            ConfigError: the API wants a key.
        """
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keep("nodes", self._read_nodes))
            tasks.create_task(self._keep("stream", self._read_stream))

    async def _keep(self, name: str, read: Callable[[], object]) -> None:
        wait_s = _FIRST_RETRY_S
        while True:
            began = time.monotonic()
            try:
                await read()  # type: ignore[misc]  # both are coroutines
                wait_s = _FIRST_RETRY_S
            except ConfigError:
                raise
            except PenstockError as exc:
                self._say(name, _short(exc))
            if time.monotonic() - began > _LAST_RETRY_S:
                wait_s = _FIRST_RETRY_S
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, _LAST_RETRY_S)

    async def _read_nodes(self) -> None:
        while True:
            began = time.monotonic()
            await self._take_nodes()
            self._say("nodes", "")
            took = time.monotonic() - began
            # A large fleet is asked less often: no watcher takes more than a tenth of the API's time.
            await asyncio.sleep(max(NODES_EVERY_S - took, 9 * took))

    async def _take_nodes(self) -> None:
        fleet = {"fleet": self._place.fleet} if self._place.fleet else {}
        self.board.take_nodes((await self._get("/api/v1/nodes", fleet))["nodes"], self._place.node_id)

    async def _read_stream(self) -> None:
        asked = {**self._place.filters, "topics": "observations,alerts"}
        last = {"Last-Event-ID": self._last_id} if self._last_id else {}
        timeout = httpx.Timeout(10.0, read=SILENT_S, connect=3.0)
        try:
            async with self._http.stream(
                "GET", "/api/v1/stream", params=asked, headers=last, timeout=timeout
            ) as answer:
                if not answer.is_success:
                    await answer.aread()
                    self._last_id = ""
                    raise refusal(self._place.url, answer)
                if not last:
                    # Everything that is open follows: what ended meanwhile would stay for ever.
                    for topic in TOPICS:
                        self.board.forget(topic)
                self._say("stream", "")
                async for event in events(answer.aiter_lines()):
                    self._take(event)
        except httpx.HTTPError as exc:
            raise away(self._place.url, exc) from exc
        raise UnavailableError("the stream ended")

    def _take(self, event: Event) -> None:
        if event.id:
            self._last_id = event.id
        if event.name in ("observation", "alert"):
            kind: Kind = "alert" if event.name == "alert" else "observation"
            self.board.take(kind, json.loads(event.data))
        elif event.name == "reset":
            self.board.forget(json.loads(event.data)["topic"])
        self._say("stream", "")

    async def _get(self, path: str, asked: dict[str, str]) -> dict[str, list[dict[str, object]]]:
        try:
            answer = await self._http.get(path, params=asked)
        except httpx.HTTPError as exc:
            raise away(self._place.url, exc) from exc
        if not answer.is_success:
            raise refusal(self._place.url, answer)
        body: dict[str, list[dict[str, object]]] = answer.json()
        return body

    def _say(self, name: str, trouble: str) -> None:
        self._troubles[name] = trouble
        self.board.trouble = next(filter(None, self._troubles.values()), "")


def _short(error: PenstockError) -> str:
    """Return an error for a corner of the screen."""
    text = str(error).partition("\n")[0]
    if "does not answer" in text:
        return "the API does not answer, trying again"
    return f"{text}, trying again"
