"""The API's observations and alerts as commands need them: lists, one, and what operators do."""

import getpass
from collections.abc import Iterator, Mapping
from typing import Any, Literal
from urllib.parse import quote

import httpx

from infra.cli.asking.answers import address, away, headers, refusal
from schemas.errors import RefusedError
from schemas.settings import ApiSettings

Plural = Literal["observations", "alerts"]
_ID_LENGTH = 36
_PAGE = 500
_PAGES = 10
# An action waits three seconds for what comes of it.
_TIMEOUT = httpx.Timeout(20.0, connect=5.0)


class FindingsClient:
    """Asks one API about one kind."""

    def __init__(self, settings: ApiSettings, plural: Plural, url: str = "") -> None:
        self.url = url.rstrip("/") or address(settings)
        self._plural = plural
        self._http = httpx.Client(
            base_url=self.url,
            headers=headers(settings),
            timeout=_TIMEOUT,
            trust_env=False,
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def many(self, asked: Mapping[str, str], most: int) -> tuple[list[dict[str, Any]], bool]:
        """Return up to ``most`` of those asked for, the newest onset first, and whether there are more.

        Raises:
            UnavailableError: the API, or what it needs for this, is away.
            ConfigError: it wants a key.
            RefusedError: it says no.
        """
        found: list[dict[str, Any]] = []
        for page, further in self._pages(asked, min(most, _PAGE)):
            found += page
            if len(found) >= most or not further:
                return found[:most], further or len(found) > most
        return found, False

    def one(self, finding_id: str) -> dict[str, Any]:
        """Return one with its history; raises as ``many`` does."""
        return self._ask("GET", f"/{self._path(finding_id)}")

    def act(self, finding_id: str, verb: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Do something to one and return what came of it; raises as ``many`` does."""
        return self._ask("POST", f"/{self._path(finding_id)}/{verb}", json={"by": _user(), **body})

    def whole_id(self, text: str) -> str:
        """Return the id that begins with ``text``: of those that are open, else of the newest others.

        Raises:
            RefusedError: several do, or none.
        """
        if not text:
            raise RefusedError("the id is empty")
        if len(text) >= _ID_LENGTH:
            return text
        for state in ("open,acknowledged,dismissed", "all"):
            matches = {str(one["id"]) for one in self._first({"state": state}) if one["id"].startswith(text)}
            if len(matches) > 1:
                raise RefusedError(f"{len(matches)} {self._plural} begin with {text}: give more of the id")
            if matches:
                return matches.pop()
        raise RefusedError(f"none of the {self._plural} has an id that begins with {text}")

    def _path(self, text: str) -> str:
        return quote(self.whole_id(text), safe="")

    def _first(self, asked: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        for number, (page, further) in enumerate(self._pages(asked, _PAGE), 1):
            yield from page
            if not further or number == _PAGES:
                return

    def _pages(self, asked: Mapping[str, str], limit: int) -> Iterator[tuple[list[dict[str, Any]], bool]]:
        cursor = ""
        while True:
            body = self._ask("GET", "", params={**asked, "limit": str(limit), "cursor": cursor})
            yield body[self._plural], body["next"] is not None
            cursor = body["next"] or ""

    def _ask(self, method: str, path: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - httpx's own
        try:
            answer = self._http.request(method, f"/api/v1/{self._plural}{path}", **more)
        except httpx.HTTPError as exc:
            raise away(self.url, exc) from exc
        if not answer.is_success:
            raise refusal(self.url, answer)
        body: dict[str, Any] = answer.json()
        return body


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""
