"""One question to the API, and its answer."""

from collections.abc import Mapping
from typing import Any

import httpx

from infra.cli.asking.answers import address, away, headers, refusal
from schemas.settings import ApiSettings

_TIMEOUT = httpx.Timeout(120.0, connect=5.0)


def get(settings: ApiSettings, path: str, asked: Mapping[str, str], url: str = "") -> dict[str, Any]:
    """Return the JSON at a path below ``/api/v1``; empty values of ``asked`` are left out.

    Raises:
        UnavailableError: the API, or what it needs for this, is away.
        ConfigError: it wants a key.
        RefusedError: it says no.
    """
    at = url.rstrip("/") or address(settings)
    wanted = {name: value for name, value in asked.items() if value}
    with httpx.Client(base_url=at, headers=headers(settings), timeout=_TIMEOUT, trust_env=False) as client:
        try:
            answer = client.get(f"/api/v1{path}", params=wanted)
        except httpx.HTTPError as exc:
            raise away(at, exc) from exc
    if not answer.is_success:
        raise refusal(at, answer)
    body: dict[str, Any] = answer.json()
    return body
