"""Nobody reaches our own machines through a channel.

A name is resolved, every address it has is judged, and the connection goes to one of those and to no other:
what a second look at the name would say does not matter. The last word is spoken where the socket is made,
with the very address that is connected to. Names and networks of one's own are allowed by ``notifier.allow``.
"""

import asyncio
import socket
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult

from schemas.errors import ConfigError, PenstockError
from sinks.notify.address_text import Url, read_host, read_url
from sinks.notify.addresses import Address, Network, is_permitted

ADVICE = "if it is meant, put it into the setting notifier.allow"


class ForbiddenError(PenstockError):
    """A notification would go where none may go; trying again cannot help."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """What the settings allow besides the public Internet."""

    networks: tuple[Network, ...] = ()
    hosts: frozenset[str] = frozenset()

    @classmethod
    def of(cls, text: str) -> "Allowance":
        """Return the allowance of ``notifier.allow``: networks, addresses and host names, by commas.

        Raises:
            ConfigError: one is none of them.
        """
        networks, hosts = [], set()
        for part in filter(None, (part.strip() for part in text.split(","))):
            try:
                networks.append(ip_network(part))
            except ValueError:
                try:
                    hosts.add(read_host(part))
                except ConfigError as exc:
                    raise ConfigError(f"setting notifier.allow: {part}: {exc}") from None
        return cls(tuple(networks), frozenset(hosts))


NONE_BESIDES = Allowance()


class Guard:
    """Judges the addresses of one receiver. ``allowance`` is of the settings."""

    def __init__(self, allowance: Allowance) -> None:
        self._allowance = allowance

    def check_url(self, text: str) -> Url:
        """Return the parts of a URL that may be tried; a name is judged once it is resolved.

        Raises:
            ConfigError: the URL is not plain.
            ForbiddenError: its host is an address that no notification may go to.
        """
        url = read_url(text)
        self.check_host(url.host)
        return url

    def check_host(self, host: str) -> None:
        """Judge a host that is an address; names pass.

        Raises:
            ForbiddenError: no notification may go there.
        """
        address = _address(host)
        if address is not None:
            self.check(address, host)

    def check(self, address: Address, host: str) -> None:
        """Judge an address that ``host`` has.

        Raises:
            ForbiddenError: no notification may go there.
        """
        if host in self._allowance.hosts or is_permitted(address, self._allowance.networks):
            return
        raise ForbiddenError(f"{host} is an address of a private or reserved network; {ADVICE}")

    async def resolve(self, host: str, port: int) -> Sequence[tuple[int, str]]:
        """Return the family and text of every address of a host; all of them may be connected to.

        Raises:
            OSError: the name cannot be resolved.
            ForbiddenError: one of its addresses is forbidden.
        """
        found = await looked_up(host, port)
        places = [(family, str(place[0])) for family, _, _, _, place in found]
        for _, text in places:
            self.check(ip_address(text), host)
        return places


class GuardedResolver(AbstractResolver):
    """Resolves for one receiver's connections."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the addresses of a host, when all of them are permitted."""
        return [
            ResolveResult(
                hostname=host, host=text, port=port, family=kind, proto=0, flags=socket.AI_NUMERICHOST
            )
            for kind, text in await self._guard.resolve(host, port)
        ]

    async def close(self) -> None:
        """Hold nothing."""


def socket_factory(guard: Guard, host: str) -> Any:  # noqa: ANN401 - aiohttp's type is not exported
    """Return what makes the sockets of connections to ``host``: for addresses that are permitted alone."""

    def make(place: tuple[Any, ...]) -> socket.socket:
        family, kind, protocol, _, target = place
        guard.check(ip_address(target[0]), host)
        return socket.socket(family=family, type=kind, proto=protocol)

    return make


async def looked_up(host: str, port: int) -> list[Any]:
    """Return what ``getaddrinfo`` returns, from a thread of its own.

    The loop's threads are few, and all channels share them: names whose server is silent would take them all
    for half a minute, and with them the names of the others.

    Raises:
        OSError: the name cannot be resolved.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[list[Any]] = loop.create_future()

    def tell(found: list[Any] | OSError) -> None:
        if answer.done():
            return
        if isinstance(found, OSError):
            answer.set_exception(found)
        else:
            answer.set_result(found)

    def look() -> None:
        found: list[Any] | OSError
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as exc:
            found = exc
        except UnicodeError:
            found = OSError(f"{host} is no name")
        with suppress(RuntimeError):  # the loop may be closed by now
            loop.call_soon_threadsafe(tell, found)

    threading.Thread(target=look, name="name lookup", daemon=True).start()
    return await answer


async def connect(guard: Guard, host: str, port: int) -> socket.socket:
    """Return a connected socket to the first address of a host that answers.

    Raises:
        OSError: none answers.
        ForbiddenError: one of its addresses is forbidden.
    """
    loop = asyncio.get_running_loop()
    trouble: OSError = OSError(f"{host} has no address")
    for family, text in await guard.resolve(host, port):
        made = socket.socket(family, socket.SOCK_STREAM)
        made.setblocking(False)
        try:
            await loop.sock_connect(made, (text, port))
        except OSError as exc:
            made.close()
            trouble = exc
        except BaseException:
            made.close()
            raise
        else:
            return made
    raise trouble


def _address(host: str) -> Address | None:
    if ":" in host:
        return IPv6Address(host)
    try:
        return ip_address(host)
    except ValueError:
        return None
