"""Client of a Confluent-compatible schema registry, embedded or external.

It is aiohttp's, which the agent has for its runtimes anyway: another client would be a tenth of its memory.
"""

import asyncio
import base64
import json
import ssl
from collections.abc import Iterable
from typing import Any, NamedTuple

import aiohttp

from schemas.codec.catalog import Packaged, packaged
from schemas.codec.serde import Codec
from schemas.errors import RefusedError, UnavailableError, UnknownSchemaError
from schemas.settings import RegistrySettings

CONTENT_TYPE = "application/vnd.schemaregistry.v1+json"
TIMEOUT_S = 5.0


NOT_FOUND, CLIENT_ERROR, SERVER_ERROR = 404, 400, 500


class _Answer(NamedTuple):
    status: int
    text: str

    def json(self) -> Any:  # noqa: ANN401 - whatever it answers
        return json.loads(self.text)


class Registry:
    """Registers our schemas, and finds the schema behind an id."""

    def __init__(self, settings: RegistrySettings) -> None:
        self._settings = settings
        self._url = settings.url.rstrip("/")
        self._ssl = ssl.create_default_context(cafile=settings.ca_file) if settings.ca_file else True
        self._headers = {"Accept": CONTENT_TYPE, "Content-Type": CONTENT_TYPE} | _authorization(settings)
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def register(self, subject: str, schema: str) -> int:
        """Register a schema, or find it, and return its id.

        Raises:
            RefusedError: the registry says it is invalid, or incompatible with what readers know.
            UnavailableError: the registry cannot be reached.
        """
        answer = await self._request("POST", f"/subjects/{subject}/versions", {"schema": schema})
        return int(self._field(answer, "id"))

    async def subjects(self) -> tuple[str, ...]:
        """Return the names under which schemas are registered.

        Raises:
            UnavailableError: the registry cannot be reached.
        """
        answer = await self._request("GET", "/subjects")
        return tuple(answer.json())

    async def schema(self, schema_id: int) -> str:
        """Return the schema text of an id.

        Raises:
            UnknownSchemaError: there is none.
            UnavailableError: the registry cannot be reached.
        """
        answer = await self._request("GET", f"/schemas/ids/{schema_id}")
        if answer.status == NOT_FOUND:
            raise UnknownSchemaError(schema_id)
        return str(self._field(answer, "schema"))

    async def codec(self, events: Iterable[str] | None = None) -> Codec:
        """Register every packaged version of the events (default: all), oldest first; return a codec."""
        ids = {}
        for event in packaged() if events is None else events:
            for release in packaged()[event]:
                ids[event] = await self._register(release)
        return Codec(ids)

    async def codec_when_up(self, events: Iterable[str] | None = None) -> Codec:
        """Return ``codec(events)``, waiting for as long as the registry is away."""
        wanted = None if events is None else tuple(events)
        while True:
            try:
                return await self.codec(wanted)
            except UnavailableError as exc:
                await asyncio.sleep(exc.retry_after_s)

    async def _register(self, release: Packaged) -> int:
        return await self.register(release.subject, release.text)

    def _field(self, answer: _Answer, name: str) -> str | int:
        try:
            found: str | int = answer.json()[name]
        except (ValueError, KeyError, TypeError) as exc:
            url = self._settings.url
            raise UnavailableError(
                f"what answers at {url} (setting registry.url) is no schema registry"
            ) from exc
        return found

    async def _request(self, method: str, path: str, body: dict[str, str] | None = None) -> _Answer:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=TIMEOUT_S),
                headers=self._headers,
                connector=aiohttp.TCPConnector(ssl=self._ssl),
            )
        data = None if body is None else json.dumps(body)
        try:
            async with self._session.request(
                method, self._url + path, data=data, allow_redirects=False
            ) as said:
                answer = _Answer(said.status, (await said.read()).decode("utf-8", "replace"))
        except (aiohttp.ClientError, TimeoutError, OSError) as exc:
            url, why = self._settings.url, str(exc) or type(exc).__name__
            raise UnavailableError(f"the schema registry at {url} does not answer: {why}") from exc
        if answer.status >= SERVER_ERROR:
            raise UnavailableError(f"the schema registry answers {answer.status} to {path}")
        if answer.status >= CLIENT_ERROR and answer.status != NOT_FOUND:
            raise RefusedError(f"the schema registry refuses {method} {path}: {answer.text[:500]}")
        return answer


def _authorization(settings: RegistrySettings) -> dict[str, str]:
    token = settings.token.get_secret_value()
    if settings.username:
        pair = f"{settings.username}:{settings.password.get_secret_value()}"
        return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
    return {"Authorization": f"Bearer {token}"} if token else {}
