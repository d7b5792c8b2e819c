"""The registry as a process: ``penstock registry``."""

import asyncio
import logging
import signal

from aiohttp import web

from infra.embedded import folder
from infra.embedded.ports import Port, is_loopback, require_free
from infra.embedded.registry.app import create_app
from infra.embedded.registry.service import Registry
from infra.embedded.registry.store import Store
from schemas.settings import Settings

logger = logging.getLogger(__name__)

# One file of some 100 kB.
_LEAST_FREE_BYTES = 16 << 20


def ports(settings: Settings) -> tuple[Port]:
    """Return what the registry listens on."""
    return (Port(settings.embedded.host, settings.embedded.registry_port, "embedded.registry_port"),)


def serve(settings: Settings) -> int:
    """Run the registry until SIGTERM or SIGINT, then return 0.

    Raises:
        ConfigError: the port is in use, the folder cannot be written, or the registry's file is damaged.
    """
    require_free(*ports(settings))
    place = folder.prepare(settings.data_dir / "registry", least_free_bytes=_LEAST_FREE_BYTES)
    with folder.held(place):
        app = create_app(Registry(Store(place / "registry.json")), settings.registry)
        asyncio.run(_serve(app, settings))
    return 0


async def _serve(app: web.Application, settings: Settings) -> None:
    host, port = settings.embedded.host, settings.embedded.registry_port
    if not is_loopback(host) and not (settings.registry.username or settings.registry.token):
        logger.warning("the registry listens on %s without authentication", host)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        logger.info("registry ready on %s:%s", host, port)
        await stop.wait()
    finally:
        await runner.cleanup()
