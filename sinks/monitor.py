"""``/metrics`` and ``/healthz`` of a sink or a notifier, on loopback."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from schemas.errors import ConfigError

HOST = "127.0.0.1"


@asynccontextmanager
async def monitored(
    port: int, waiting_for: Callable[[], tuple[str, ...]], *, setting: str = "sink.metrics_port"
) -> AsyncIterator[None]:
    """Serve both while the block runs. ``waiting_for`` names what is away now; waiting is healthy.

    Raises:
        ConfigError: the port is taken.
    """

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def healthz(_: web.Request) -> web.Response:
        away = waiting_for()
        return web.json_response({"status": "waiting" if away else "ok", "waiting_for": away})

    app = web.Application()
    app.add_routes([web.get("/metrics", metrics), web.get("/healthz", healthz)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, HOST, port).start()
        except OSError as exc:
            raise ConfigError(f"port {port} (setting {setting}) cannot be used: {exc}") from exc
        yield
    finally:
        await runner.cleanup()
