"""The API's ``/api/v1/sql`` as a command needs it: rows, or one clear sentence."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from infra.cli.asking.answers import address, away, headers, refusal
from schemas.settings import ApiSettings

# Beyond what the API gives a query, so that the API is the one that speaks.
_SLACK_S = 30.0


@dataclass(frozen=True, slots=True)
class Rows:
    """A whole result. ``types`` are the engine's."""

    columns: tuple[str, ...]
    types: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    truncated: bool


class SqlClient:
    """Asks one API. Closing a connection in the middle ends the query there."""

    def __init__(self, settings: ApiSettings, url: str = "") -> None:
        self.url = url.rstrip("/") or address(settings)
        self._http = httpx.Client(
            base_url=self.url,
            headers=headers(settings),
            timeout=httpx.Timeout(settings.sql_max_seconds + _SLACK_S, connect=5.0),
            trust_env=False,
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def rows(
        self, query: str, parameters: Mapping[str, str] | None = None, max_rows: int | None = None
    ) -> Rows:
        """Return all rows of a query; raises as ``stream`` does."""
        with self.stream(query, "JSONCompact", parameters, max_rows) as answer:
            answer.read()
        body = answer.json()
        return Rows(
            tuple(column["name"] for column in body["meta"]),
            tuple(column["type"] for column in body["meta"]),
            tuple(tuple(row) for row in body["data"]),
            body["truncated"],
        )

    @contextmanager
    def stream(
        self,
        query: str,
        format_: str,
        parameters: Mapping[str, str] | None = None,
        max_rows: int | None = None,
    ) -> Iterator[httpx.Response]:
        """Give the answer in a format while it comes.

        Raises:
            UnavailableError: the API does not answer.
            ConfigError: it wants a key.
            RefusedError: it, or the engine, says no.
        """
        body: dict[str, Any] = {"query": query, "format": format_, "parameters": dict(parameters or {})}
        if max_rows is not None:
            body["max_rows"] = max_rows
        try:
            with self._http.stream("POST", "/api/v1/sql", json=body) as answer:
                if not answer.is_success:
                    answer.read()
                    raise refusal(self.url, answer)
                yield answer
        except httpx.HTTPError as exc:
            raise away(self.url, exc) from exc
