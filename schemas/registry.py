"""Client of a Confluent-compatible schema registry, embedded or external."""

import asyncio
import ssl
from collections.abc import Iterable

import httpx

from schemas.codec.catalog import Packaged, packaged
from schemas.codec.serde import Codec
from schemas.errors import RefusedError, UnavailableError, UnknownSchemaError
from schemas.settings import RegistrySettings

CONTENT_TYPE = "application/vnd.schemaregistry.v1+json"
TIMEOUT_S = 5.0


class Registry:
    """Registers our schemas, and finds the schema behind an id."""

    def __init__(
        self, settings: RegistrySettings, *, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._settings = settings
        verify = ssl.create_default_context(cafile=settings.ca_file) if settings.ca_file else True
        self._http = httpx.AsyncClient(
            base_url=settings.url,
            timeout=TIMEOUT_S,
            verify=verify,
            auth=_basic(settings),
            headers={"Accept": CONTENT_TYPE, "Content-Type": CONTENT_TYPE} | _bearer(settings),
            trust_env=False,
            transport=transport,
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

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
        if answer.status_code == httpx.codes.NOT_FOUND:
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

    def _field(self, answer: httpx.Response, name: str) -> str | int:
        try:
            found: str | int = answer.json()[name]
        except (ValueError, KeyError, TypeError) as exc:
            url = self._settings.url
            raise UnavailableError(
                f"what answers at {url} (setting registry.url) is no schema registry"
            ) from exc
        return found

    async def _request(self, method: str, path: str, body: dict[str, str] | None = None) -> httpx.Response:
        try:
            answer = await self._http.request(method, path, json=body)
        except httpx.HTTPError as exc:
            url = self._settings.url
            raise UnavailableError(f"the schema registry at {url} does not answer: {exc}") from exc
        if answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
            raise UnavailableError(f"the schema registry answers {answer.status_code} to {path}")
        if answer.is_client_error and answer.status_code != httpx.codes.NOT_FOUND:
            raise RefusedError(f"the schema registry refuses {method} {path}: {answer.text[:500]}")
        return answer


def _basic(settings: RegistrySettings) -> httpx.BasicAuth | None:
    if not settings.username:
        return None
    return httpx.BasicAuth(settings.username, settings.password.get_secret_value())


def _bearer(settings: RegistrySettings) -> dict[str, str]:
    token = settings.token.get_secret_value()
    return {"Authorization": f"Bearer {token}"} if token else {}
