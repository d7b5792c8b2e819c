"""ClickHouse over HTTP, as far as the job needs it: questions with values, answers as rows."""

import json
import ssl
from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from schemas.errors import UnavailableError
from schemas.settings import ClickHouseSettings

CONNECT_S = 5.0
# A week of one node is 60,000 panes: a tenth of a second, unless the store is busy with something else.
ANSWER_S = 120.0


class Store:
    """The HTTP interface of one ClickHouse; close it after use."""

    def __init__(self, settings: ClickHouseSettings) -> None:
        self._settings = settings
        verify = ssl.create_default_context(cafile=settings.ca_file) if settings.ca_file else True
        self._http = httpx.AsyncClient(
            base_url=settings.url,
            verify=verify,
            timeout=httpx.Timeout(ANSWER_S, connect=CONNECT_S),
            headers={
                "X-ClickHouse-User": settings.username,
                "X-ClickHouse-Key": settings.password.get_secret_value(),
            },
            trust_env=False,
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def rows(self, sql: str, values: Mapping[str, str | int]) -> Sequence[Mapping[str, Any]]:
        """Return the rows of a query; ``values`` fill its ``{name:Type}``.

        Raises:
            UnavailableError: the store is away, or refuses: it may have no tables yet.
        """
        options = {
            "database": self._settings.database,
            "default_format": "JSONEachRow",
            "output_format_json_quote_64bit_integers": "0",
            **{f"param_{name}": str(value) for name, value in values.items()},
        }
        try:
            answer = await self._http.post("/", params=options, content=sql.encode())
        except httpx.HTTPError as exc:
            raise self._away(str(exc) or type(exc).__name__) from exc
        if not answer.is_success:
            raise self._away(" ".join(answer.text.split())[:500])
        return [json.loads(line) for line in answer.text.splitlines()]

    def _away(self, why: str) -> UnavailableError:
        return UnavailableError(f"ClickHouse at {self._settings.url} (setting clickhouse.url): {why}")
