"""A router over stand-ins, on ports of its own."""

import asyncio
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx

from api.router import main
from schemas.settings import RouterSettings, Settings, UpstreamSettings
from tests.api.router.standin import Behaviour, Loop, Standin, good
from tests.fixtures.ports import free_port

QUICK = {"ask_interval_s": 0.1, "hold_s": 0.3, "drain_s": 0.2, "breaker_failures": 1000}
QUICK |= {"facts": False, "nodes": False}
"""Settings under which nothing takes long or goes to Kafka; tests change those that they are about."""


class Router:
    """A router that runs in the thread of the stand-ins."""

    def __init__(self, loop: Loop, settings: Settings) -> None:
        self.url = f"http://127.0.0.1:{settings.router.port}"
        self.http = httpx.Client(base_url=self.url, trust_env=False, timeout=20)
        self._loop = loop
        self._before: dict[str, int] = {}
        self._task: asyncio.Task[None] = loop.run(self._started(settings))
        until(self._answers)

    async def _started(self, settings: Settings) -> asyncio.Task[None]:
        return asyncio.create_task(main.serve(settings))

    def _answers(self) -> bool:
        assert not self._task.done(), self._task.exception()
        try:
            return self.http.get("/healthz").is_success
        except httpx.TransportError:
            return False

    def post(self, path: str, body: Any, **headers: str) -> httpx.Response:
        """Ask; ``body`` is JSON, or bytes as they are. Underscores in names of headers are hyphens."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        content = body if isinstance(body, bytes) else None
        return self.http.post(
            path, content=content, json=None if content is not None else body, headers=named
        )

    def metrics(self) -> Mapping[str, float]:
        lines = self.http.get("/metrics").text.splitlines()
        return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if line[0] != "#"}

    def outcomes(self) -> dict[str, int]:
        """Return how many requests ended in each way; none that was received is lost."""
        found = self.metrics()
        prefix = "penstock_router_requests_finished_total"
        ended = {name: int(value) for name, value in found.items() if name.startswith(prefix) and value}
        received, still = (found[f"penstock_router_requests_{name}"] for name in ("received_total", "open"))
        assert received == sum(ended.values()) + still
        return {name.split('"')[1]: value for name, value in ended.items()}

    def mark(self) -> None:
        """Let ``ended`` speak of what comes from now on."""
        self._before = self.outcomes()

    def _since(self) -> dict[str, int]:
        found = {name: value - self._before.get(name, 0) for name, value in self.outcomes().items()}
        return {name: value for name, value in found.items() if value}

    def ended(self, **wanted: int) -> None:
        """Wait until requests have ended in these ways, and in no other."""
        until(lambda: self._since() == wanted, lambda: f"{self._since()}, not {wanted}")

    def stop(self) -> None:
        """Stop as SIGTERM does, and wait until it has."""
        self.begin_stop()
        self._loop.run(self._stopped())
        self.http.close()

    def begin_stop(self) -> None:
        self._loop.loop.call_soon_threadsafe(self._task.cancel)

    async def _stopped(self) -> None:
        await asyncio.wait({self._task})


class Fleet:
    """Upstreams, and a router over them; ``close`` ends all."""

    def __init__(self, loop: Loop, folder: Path) -> None:
        self.loop = loop
        self._folder = folder
        self._standins: list[tuple[Standin, dict[str, Any]]] = []
        self._unlisted: list[Standin] = []
        self._named: list[dict[str, Any]] = []
        self._routers: list[Router] = []
        self.elsewhere: dict[str, Any] = {}  # settings of other sections: Kafka, where facts go there

    def upstream(
        self, kind: str = "vllm", models: Mapping[str, Behaviour] | None = None, **told: Any
    ) -> Standin:
        """Start a stand-in; ``told`` goes into the router's settings, ``named`` as its models there."""
        if "named" in told:
            told["models"] = told.pop("named")
        standin = Standin(self.loop, kind, {"m": good} if models is None else models)
        standin.start()
        self._standins.append((standin, told))
        return standin

    def unlisted(self, kind: str) -> Standin:
        """Start a stand-in that no router is told of by its settings."""
        standin = Standin(self.loop, kind, {"m": good})
        standin.start()
        self._unlisted.append(standin)
        return standin

    def named_upstream(self, url: str, kind: str) -> None:
        """Name a server that runs already."""
        self._named.append({"url": url, "kind": kind})

    def router(self, *, only: Standin | None = None, **settings: Any) -> Router:
        """Start a router over all stand-ins that there are, or over one."""
        upstreams = tuple(
            UpstreamSettings(url=standin.url, kind=standin.kind, **told)
            for standin, told in self._standins
            if only in (None, standin)
        ) + tuple(UpstreamSettings(**named) for named in self._named)
        told = RouterSettings(upstreams=upstreams, **{"port": free_port(), **QUICK, **settings})
        router = Router(self.loop, Settings(data_dir=self._folder, router=told, **self.elsewhere))
        self._routers.append(router)
        until(
            lambda: all(
                upstream["models"] is not None or upstream["error"] for upstream in upstreams_of(router)
            )
        )
        return router

    def close(self) -> None:
        for router in self._routers:
            router.stop()
        for standin in (*self._unlisted, *(standin for standin, _ in self._standins)):
            standin.stop()


def upstreams_of(router: Router) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = router.http.get("/router/upstreams").json()
    return found


def until(condition: Callable[[], bool], why: Callable[[], str] = lambda: "", within_s: float = 20.0) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, why()
        time.sleep(0.01)
