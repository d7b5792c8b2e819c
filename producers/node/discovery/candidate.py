"""An address where a runtime may be, and why we think so; whether it is, it tells itself."""

from typing import NamedTuple

from producers.node.runtimes.target import Kind, Source


class Candidate(NamedTuple):
    """``kind``: what it should be, none where only the address is known."""

    url: str
    discovered_by: Source
    kind: Kind | None = None
    pid: int = 0
    command_line: str = ""
    container: str = ""


def local_url(port: int, host: str = "") -> str:
    """Return how to ask a server that listens at ``host``: everywhere means loopback too."""
    name = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "[::1]", "*": "127.0.0.1"}.get(host, host)
    bracketed = f"[{name}]" if ":" in name and not name.startswith("[") else name
    return f"http://{bracketed}:{port}"
