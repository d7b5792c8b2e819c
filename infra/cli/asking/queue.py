"""The router's ``/queue`` as commands need it."""

from typing import Any
from urllib.parse import quote

import httpx

from infra.cli.asking.answers import address, headers, refusal
from schemas.errors import UnavailableError
from schemas.settings import ApiSettings, Settings

# A drain answers when the node is empty, at the latest after as long as the router waits for that.
_SLACK_S = 30.0


class QueueClient:
    """Asks one router.

    Every call raises UnavailableError where it does not answer, ConfigError where it wants a key, and
    RefusedError where it says no.
    """

    def __init__(self, settings: Settings, url: str = "") -> None:
        told = settings.router
        place = ApiSettings(host=told.host, port=told.port, key=settings.api.key)
        self.url = url.rstrip("/") or address(place)
        self._http = httpx.Client(
            base_url=self.url, headers=headers(place), timeout=_SLACK_S, trust_env=False
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def status(self, tickets: int) -> dict[str, Any]:
        """Return the queue, with so many of those that wait, and the names of keys."""
        status = self._ask("GET", "/queue/status", {"tickets": tickets})
        names = {key["key"]: key["name"] for key in self._ask("GET", "/queue/keys")}
        return {**status, "names": names}

    def cancel(self, request_id: str) -> dict[str, Any]:
        """Take one request out of the queue."""
        return self._row("POST", f"/queue/cancel/{quote(request_id, safe='')}")

    def cancel_all(self, model: str, key: str) -> dict[str, Any]:
        """Take out those for a model, of a key, both, or all."""
        return self._row("POST", "/queue/cancel-all", {"model": model, "key": key})

    def nodes(self) -> list[dict[str, Any]]:
        """Return the nodes."""
        rows: list[dict[str, Any]] = self._ask("GET", "/queue/nodes")
        return rows

    def node(self, node_id: str, verb: str, wait_s: float = 0.0) -> dict[str, Any]:
        """Pause, resume or drain a node."""
        asked = {"wait_s": wait_s} if verb == "drain" else {}
        return self._row("POST", f"/queue/nodes/{quote(node_id, safe='')}/{verb}", asked, wait_s)

    def warm(self, model: str, node_id: str, wait_s: float) -> dict[str, Any]:
        """Have a model loaded ahead."""
        return self._row("POST", "/router/warm", {"model": model, "node": node_id}, wait_s)

    def pulls(self) -> list[dict[str, Any]]:
        """Return the pulls under way."""
        rows: list[dict[str, Any]] = self._ask("GET", "/router/pulls")
        return rows

    def _row(
        self, method: str, path: str, asked: dict[str, Any] | None = None, wait_s: float = 0.0
    ) -> dict[str, Any]:
        row: dict[str, Any] = self._ask(method, path, asked, wait_s)
        return row

    def _ask(self, method: str, path: str, asked: dict[str, Any] | None = None, wait_s: float = 0.0) -> Any:  # noqa: ANN401 - whatever JSON can hold
        try:
            answer = self._http.request(method, path, params=asked, timeout=wait_s + _SLACK_S)
        except httpx.HTTPError as exc:
            raise UnavailableError(
                f"the router at {self.url} does not answer ({str(exc) or type(exc).__name__}): start it with "
                "`penstock router`; the address is in the settings router.host and router.port"
            ) from exc
        if not answer.is_success:
            raise refusal(self.url, answer)
        return answer.json()
