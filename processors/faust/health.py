"""The worker's own /metrics and /healthz, on loopback."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from schemas.errors import ConfigError

HOST = "127.0.0.1"
# With records waiting, some partition commits within this, even on a busy machine.
STALLED_S = 30.0


class Progress:
    """Whether the worker gets on: records wait and nothing was committed for ``STALLED_S`` means no."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._still_since = clock()
        self.waiting_for = "start"

    def judge(self, lag: int, progressed_at: float) -> str:
        """Return why the worker is unhealthy, or nothing. ``progressed_at`` is by the same clock."""
        if self.waiting_for:
            return f"waiting for {self.waiting_for}"
        if not lag:
            self._still_since = self._clock()
        still_s = self._clock() - max(self._still_since, progressed_at)
        return f"{lag} records wait and none was done for {still_s:.0f} s" if still_s > STALLED_S else ""


@asynccontextmanager
async def served(port: int, unhealthy: Callable[[], str]) -> AsyncIterator[None]:
    """Serve /metrics and /healthz; ``unhealthy`` says what is wrong, or nothing.

    Raises:
        ConfigError: the port is taken.
    """

    async def metrics(_: web.Request) -> web.Response:
        unhealthy()  # sets the lag
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def healthz(_: web.Request) -> web.Response:
        reason = unhealthy()
        return web.json_response({"status": reason or "ok"}, status=503 if reason else 200)

    app = web.Application()
    app.router.add_get("/metrics", metrics)
    app.router.add_get("/healthz", healthz)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, HOST, port).start()
        except OSError as exc:
            text = f"port {port} of the setting worker.metrics_port cannot be listened on: {exc.strerror}"
            raise ConfigError(text) from exc
        yield
    finally:
        await runner.cleanup()
