"""The API's rules, channels and deliveries as commands need them, and the files they come from."""

import json
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

import httpx

from infra.cli.asking.answers import address, away, headers, refusal
from schemas.errors import ConfigError
from schemas.settings import ApiSettings

Plural = Literal["rules", "channels"]
# A receiver under test has as long as the notifier gives one; a change waits for Kafka.
_TIMEOUT = httpx.Timeout(60.0, connect=5.0)


class DocumentsClient:
    """Asks one API."""

    def __init__(self, settings: ApiSettings, url: str = "") -> None:
        self.url = url.rstrip("/") or address(settings)
        self._http = httpx.Client(
            base_url=self.url, headers=headers(settings), timeout=_TIMEOUT, trust_env=False
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def get(self, path: str, **parameters: str | int) -> dict[str, Any]:
        """Return what is there.

        Raises:
            UnavailableError: the API, or what it needs for this, is away.
            ConfigError: it wants a key.
            RefusedError: it says no.
        """
        return self._ask("GET", path, params={name: each for name, each in parameters.items() if each != ""})

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Do something; raises as ``get`` does."""
        return self._ask("POST", path, json=body)

    def put(self, plural: Plural, document: Mapping[str, Any]) -> dict[str, Any]:
        """Make a document hold; raises as ``get`` does."""
        return self._ask("PUT", f"{plural}/{_quoted(document['id'])}", json=document)

    def one(self, plural: Plural, name: str) -> dict[str, Any]:
        """Return one document; raises as ``get`` does."""
        return self.get(f"{plural}/{_quoted(name)}")

    def delete(self, plural: Plural, name: str) -> dict[str, Any]:
        """Delete one; raises as ``get`` does."""
        return self._ask("DELETE", f"{plural}/{_quoted(name)}")

    def test(self, channel: str) -> dict[str, Any]:
        """Try a channel; raises as ``get`` does."""
        return self.post(f"channels/{_quoted(channel)}/test")

    def _ask(self, method: str, path: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - httpx's own
        try:
            answer = self._http.request(method, f"/api/v1/{path}", **more)
        except httpx.HTTPError as exc:
            raise away(self.url, exc) from exc
        if not answer.is_success:
            raise refusal(self.url, answer)
        body: dict[str, Any] = answer.json()
        return body


def _quoted(name: object) -> str:
    return quote(str(name), safe="")


def read(file: Path, plural: Plural) -> Sequence[Mapping[str, Any]]:
    """Return the tables ``[[rules]]`` or ``[[channels]]`` of a TOML file, or the list of a JSON file.

    Raises:
        ConfigError: the file cannot be read, or holds something else.
    """
    try:
        text = file.read_text("utf-8")
        document = json.loads(text) if file.suffix == ".json" else tomllib.loads(text)
    except (OSError, ValueError) as exc:  # both decoders' errors are ValueErrors
        raise ConfigError(f"{file}: {exc}") from exc
    found = document.get(plural, []) if isinstance(document, dict) else None
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise ConfigError(f"{file}: {plural} must be tables, each headed [[{plural}]]")
    others = sorted(set(document) - {plural})
    if others:
        raise ConfigError(f"{file}: {others[0]} is not known here; there is only [[{plural}]]")
    if not all(isinstance(each.get("id"), str) for each in found):
        raise ConfigError(f"{file}: each of [[{plural}]] needs an id")
    return found
