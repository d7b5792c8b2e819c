"""``/metrics`` and ``/healthz`` of a process, from a thread: they answer when the event loop does not."""

import json
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from schemas.errors import ConfigError

HOST = "127.0.0.1"


class Health(NamedTuple):
    """Whether the process does its work, and what there is to say about it."""

    healthy: bool
    details: Mapping[str, Any]


class HealthServer:
    """Listens on loopback from ``start`` to ``stop``; ``judge`` is called in the server's thread."""

    def __init__(self, port: int, judge: Callable[[], Health], *, setting: str) -> None:
        self._port = port
        self._judge = judge
        self._setting = setting
        self._server: ThreadingHTTPServer | None = None

    def start(self) -> None:
        """Listen.

        Raises:
            ConfigError: the port is in use.
        """
        try:
            self._server = ThreadingHTTPServer((HOST, self._port), _handler(self._judge))
        except OSError as exc:
            raise ConfigError(
                f"port {self._port} of {HOST} cannot be used, change the setting {self._setting}: {exc}"
            ) from exc
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, name="health", daemon=True).start()

    def stop(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()


def _handler(judge: Callable[[], Health]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 5  # of a client that connects and says nothing

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            if path == "/metrics":
                self._answer(200, CONTENT_TYPE_LATEST, generate_latest())
            elif path == "/healthz":
                health = judge()
                body = {"status": "ok" if health.healthy else "failing", **health.details}
                self._answer(200 if health.healthy else 503, "application/json", json.dumps(body).encode())
            else:
                self._answer(404, "text/plain", b"there are /metrics and /healthz\n")

        def _answer(self, status: int, content_type: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Requests are not news."""

    return Handler
