"""Whether something listens, and under which address the fleet can ask it."""

import asyncio
import contextlib
import ipaddress
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import psutil

from producers.node.runtimes.target import port_of

CONNECT_S = 1.0


async def listens(url: str) -> bool:
    """Return whether a connection is accepted; much cheaper than a request."""
    try:
        async with asyncio.timeout(CONNECT_S):
            _, writer = await asyncio.open_connection(urlsplit(url).hostname, port_of(url))
    except (OSError, TimeoutError, ValueError):
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True


async def reachable_url(url: str) -> str:
    """Return the URL with an address of this machine that others can ask, where it answers there too."""
    parts = urlsplit(url)
    if not _loopback(parts.hostname or ""):
        return url
    for address in addresses():
        other = f"{parts.scheme}://{address}:{port_of(url)}{parts.path}"
        if await listens(other):
            return other
    return url


def local(url: str) -> bool:
    """Return whether an address is this machine's; a name that must be looked up is not."""
    host = urlsplit(url).hostname or ""
    return _loopback(host) or host == socket.gethostname().lower() or host in _own()


def _own() -> set[str]:
    return {each.address.split("%")[0] for found in psutil.net_if_addrs().values() for each in found}


def addresses() -> Iterator[str]:
    """Yield the IPv4 addresses of this machine's interfaces that are up, but no loopback and no bridge."""
    states = psutil.net_if_stats()
    for name, found in psutil.net_if_addrs().items():
        if (
            name in states
            and states[name].isup
            and not name.startswith(("docker", "br-", "veth", "virbr", "cni"))
        ):
            for each in found:
                if each.family == socket.AF_INET and not _loopback(each.address):
                    yield each.address


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
