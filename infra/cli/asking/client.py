"""The API's ``/api/v1/sql`` as a command needs it: rows, or one clear sentence."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from schemas.errors import ConfigError, RefusedError, UnavailableError
from schemas.settings import ApiSettings

_ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "": "127.0.0.1"}
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
        key = settings.key.get_secret_value()
        self._http = httpx.Client(
            base_url=self.url,
            headers={"Authorization": f"Bearer {key}"} if key else {},
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
                    raise self._error(answer)
                yield answer
        except httpx.HTTPError as exc:
            raise UnavailableError(
                f"the API at {self.url} does not answer ({str(exc) or type(exc).__name__}): start everything "
                "with `penstock up`, or the API alone with `penstock api`; the address is in the settings "
                "api.host and api.port"
            ) from exc

    def _error(self, answer: httpx.Response) -> Exception:
        try:
            problem = answer.json()
            detail, hint = str(problem["detail"]), problem.get("hint", "")
        except (ValueError, KeyError, TypeError):
            return UnavailableError(f"{self.url} answers {answer.status_code} and is not Penstock's API")
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            return ConfigError(
                f"the API at {self.url} needs a key: make one with `penstock keys create NAME` where it "
                "runs, and set PENSTOCK_API__KEY"
            )
        name = f"{problem['name']} ({problem['code']}): " if problem.get("name") else ""
        return RefusedError(f"{name}{detail}" + (f"\n  {hint}" if hint else ""))


def address(settings: ApiSettings) -> str:
    """Return the URL by which this machine reaches its own API."""
    host = _ANYWHERE.get(settings.host, settings.host)
    return f"http://{f'[{host}]' if ':' in host and not host.startswith('[') else host}:{settings.port}"
