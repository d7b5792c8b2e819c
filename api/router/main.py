"""Run the router: the socket, the server, and a stop that lets requests end."""

import asyncio
import logging
import resource
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from api.auth import KeyRing, is_loopback
from api.router.app import create_app
from api.router.parts import open_parts
from api.router.protocol import limited
from schemas.errors import ConfigError
from schemas.settings import RouterSettings, Settings

logger = logging.getLogger(__name__)

BACKLOG = 4096
_LAST_S = 2
"""What is still open when all requests are over is closed after this."""


class _Server(uvicorn.Server):
    """Leaves signals to whoever runs it."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve(settings: Settings) -> None:
    """Serve until cancelled, then let the requests under way end.

    Raises:
        ConfigError: the address cannot be listened on, keys are needed and there are none, or settings do not
            fit together.
    """
    told = settings.router
    _check_may_listen(settings)
    _raise_open_files()
    async with open_parts(settings) as parts:
        with _listen(told) as place:
            server = _Server(_config(create_app(settings, parts), told))
            task = asyncio.create_task(server.serve(sockets=[place]))
            logger.info("the router listens on http://%s:%d", *place.getsockname()[:2])
            try:
                await asyncio.shield(task)
            finally:
                parts.house.stopping = True
                for listening in server.servers:
                    listening.close()  # who connects from now on is refused, and may ask another router
                await parts.house.flights.drain(told.drain_s)
                server.should_exit = True
                await task


def _config(app: object, told: RouterSettings) -> uvicorn.Config:
    return uvicorn.Config(
        app,  # type: ignore[arg-type]  # an ASGI application
        http=limited(told.header_bytes, told.header_timeout_s, told.body_timeout_s),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=_LAST_S,
    )


def _listen(told: RouterSettings) -> socket.socket:
    try:
        found = socket.getaddrinfo(told.host, told.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        place = socket.socket(family, kind, protocol)
        place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        place.bind(address)
    except OSError as exc:
        raise ConfigError(
            f"the router cannot listen on {told.host}:{told.port}: {exc.strerror}; "
            "end what uses the port, or choose another one (settings router.host and router.port)"
        ) from exc
    return place


def _check_may_listen(settings: Settings) -> None:
    host = settings.router.host
    if not is_loopback(host) and not KeyRing(settings.data_dir).any_works():
        raise ConfigError(
            f"the router would listen on {host} (setting router.host) and no API key exists: "
            "make one with `penstock keys create NAME`, or listen on 127.0.0.1"
        )


def _raise_open_files() -> None:
    """Allow as many open files as the system does: each stream is two."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
