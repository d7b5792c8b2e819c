"""Run the API: the socket, the server, and a clean stop."""

import asyncio
import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from api.app import create_app
from schemas.errors import ConfigError
from schemas.settings import ApiSettings, Settings

logger = logging.getLogger(__name__)

STOP_S = 5
"""How long answers that have begun may go on once the API is told to stop."""


class _Server(uvicorn.Server):
    """Leaves signals to whoever runs it."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve(settings: Settings) -> None:
    """Serve until cancelled.

    Raises:
        ConfigError: the address cannot be listened on, or keys are needed and there are none.
    """
    app = create_app(settings)
    with listen(settings.api) as place:
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=True,
            timeout_graceful_shutdown=STOP_S,
        )
        server = _Server(config)
        task = asyncio.create_task(server.serve(sockets=[place]))
        logger.info("the API listens on http://%s:%d", *place.getsockname()[:2])
        try:
            await asyncio.shield(task)
        finally:
            server.should_exit = True
            await task


def listen(settings: ApiSettings) -> socket.socket:
    """Return the socket the API listens on.

    Raises:
        ConfigError: the address is taken, or not this machine's.
    """
    try:
        found = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        family, kind, protocol, _, address = found[0]
        place = socket.socket(family, kind, protocol)
        place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        place.bind(address)
    except OSError as exc:
        raise ConfigError(
            f"the API cannot listen on {settings.host}:{settings.port}: {exc.strerror}; "
            "end what uses the port, or choose another one (settings api.host and api.port)"
        ) from exc
    return place
