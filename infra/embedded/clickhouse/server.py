"""``penstock store``: the embedded ClickHouse as a process, from its directory and port to a clean end.

What is guaranteed. An insertion that was answered survives the end of the process, however it ends, and its
deduplication token is still known afterwards: the engine has handed the part to the operating system. Losing
the machine's power may lose the last seconds, unless a table sets ``fsync_after_insert`` and
``fsync_part_directory``. The engine keeps no log tables (``system.query_log`` and its like do not exist), so
the disk grows with data alone.
"""

import asyncio
import ipaddress
import logging
import resource
import signal
import socket
from contextlib import suppress

import uvloop
from aiohttp import web

from infra.embedded.clickhouse.app import create_app
from infra.embedded.clickhouse.directory import owned
from infra.embedded.clickhouse.engine import Engine
from infra.embedded.clickhouse.failure import ClickHouseError
from infra.embedded.clickhouse.limits import limits
from infra.embedded.clickhouse.store import Store
from infra.embedded.ports import Port, require_free
from schemas.errors import ConfigError
from schemas.settings.model import Settings

logger = logging.getLogger(__name__)

# The server's http_max_uri_size: clients put whole queries into the URL.
MOST_URL_BYTES = 1 << 20
SHUTDOWN_S = 2.0


def serve(settings: Settings) -> None:
    """Run the store until SIGTERM or SIGINT; running statements get ``SHUTDOWN_S`` to end.

    Raises:
        ConfigError: the port is in use, the directory is another process's, or its disk is full or read-only.
    """
    directory = settings.data_dir / "clickhouse"
    if "?" in str(directory):
        raise ConfigError(f"the data directory {directory} must not have a '?' in its name; set data_dir")
    with _listener(settings) as listener, owned(directory):
        _allow_many_files()
        bounds = limits(settings)
        try:
            engine = Engine(directory, bounds.server_options())
        except ClickHouseError as exc:
            raise ConfigError(f"the store in {directory} cannot be opened: {exc}") from exc
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(settings, Store(engine, bounds), listener))


async def _serve(settings: Settings, store: Store, listener: socket.socket) -> None:
    app = create_app(store, settings.clickhouse)
    runner = web.AppRunner(
        app,
        access_log=None,
        handler_cancellation=True,
        auto_decompress=False,
        shutdown_timeout=SHUTDOWN_S,
        max_line_size=MOST_URL_BYTES,
        max_field_size=MOST_URL_BYTES,
    )
    await runner.setup()
    await web.SockSite(runner, listener, backlog=1024).start()
    host, port = listener.getsockname()[:2]
    logger.info("the store listens on http://%s:%s (ClickHouse %s)", host, port, store.version)
    await _told_to_stop()
    logger.info("the store stops")
    await runner.cleanup()
    await store.close()


async def _told_to_stop() -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()


def _listener(settings: Settings) -> socket.socket:
    host, port = settings.embedded.host, settings.embedded.clickhouse_port
    if not _loopback(host) and not settings.clickhouse.password.get_secret_value():
        raise ConfigError(
            f"embedded.host is {host}, which others can reach: set clickhouse.password too, "
            "or leave embedded.host at 127.0.0.1"
        )
    require_free(Port(host, port, "embedded.clickhouse_port"))
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=1024)


def _allow_many_files() -> None:
    """Lift the usual 1,024: the engine has three files open per thread and one per column that it reads."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    # macOS says "unlimited" and then refuses it.
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
