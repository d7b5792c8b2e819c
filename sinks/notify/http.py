"""HTTP for channels: one POST, guarded, verified, bounded in time and size.

Whatever goes wrong is a receipt. Redirects are not followed, no proxy and no cookie is used, and of an answer
no more than a few kilobytes are read: a status of 2xx is a receipt even where the body never ends.
"""

import asyncio
import ssl
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import aiohttp
from pydantic import SecretStr
from yarl import URL

from schemas.errors import ConfigError
from sinks.notify.answer import receipt_of
from sinks.notify.channel import Receipt
from sinks.notify.guard import NONE_BESIDES, Allowance, ForbiddenError, Guard, GuardedResolver, socket_factory
from sinks.notify.plain import one_line, readable, redacted

ANSWER_BYTES = 4096
SAID_CHARACTERS = 300
# For the body of an answer whose status is known.
BODY_S = 1.0
# Shorter than servers keep idle connections: a POST into one that is just being closed is lost.
KEEP_S = 3.0
MOST_REQUEST_BYTES = 512 * 1024
USER_AGENT = "Penstock-Notifier/1"


@dataclass(frozen=True, slots=True)
class Network:
    """How channels may reach the world. ``tls`` verifies; tests bring an authority of their own."""

    allowance: Allowance = NONE_BESIDES
    timeout_s: float = 10.0
    tls: ssl.SSLContext = field(default_factory=ssl.create_default_context)
    wall_s: Callable[[], float] = time.time


class HttpClient:
    """Posts to one address.

    Raises:
        ConfigError: the address is not plain.
        ForbiddenError: it is one that no notification may go to.
    """

    def __init__(self, network: Network, url: str, secrets: Iterable[SecretStr] = ()) -> None:
        guard = Guard(network.allowance)
        self._url = guard.check_url(url)
        self._target = URL(url, encoded=True)
        if (self._target.host or "").lower().removesuffix(".") != self._url.host:
            raise ConfigError("the host of the URL can be read in more than one way")
        self._network = network
        self._secrets = _hidden(self._target, [secret.get_secret_value() for secret in secrets])
        self._guard = guard
        self._session: aiohttp.ClientSession | None = None

    async def post(self, body: bytes, headers: Mapping[str, str]) -> Receipt:
        """Send a request; the receipt says how it ended, with secrets out of sight."""
        began = time.monotonic()
        receipt = await self._attempt(body, headers)
        said = one_line(redacted(receipt.said, self._secrets), SAID_CHARACTERS)
        return receipt._replace(said=said, took_ms=(time.monotonic() - began) * 1000)

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _attempt(self, body: bytes, headers: Mapping[str, str]) -> Receipt:
        if len(body) > MOST_REQUEST_BYTES:
            return Receipt("refused", said=f"the message has {len(body)} bytes, more than any may have")
        try:
            async with asyncio.timeout(self._network.timeout_s):
                return await self._exchange(body, headers)
        except TimeoutError:
            return Receipt("retry", said=f"no answer within {self._network.timeout_s:g} s", blocked=True)
        except ForbiddenError as exc:
            return Receipt("refused", said=str(exc))
        except aiohttp.ClientConnectorCertificateError as exc:
            why = getattr(exc.certificate_error, "verify_message", "") or str(exc.certificate_error)
            return Receipt("retry", said=f"its certificate is not valid: {why}", blocked=True)
        except aiohttp.InvalidURL:
            return Receipt("refused", said="the URL cannot be used")
        except (aiohttp.ClientError, OSError, ValueError) as exc:
            return Receipt("retry", said=_trouble(exc), blocked=True)

    async def _exchange(self, body: bytes, headers: Mapping[str, str]) -> Receipt:
        session = self._connected()
        wanted = {"User-Agent": USER_AGENT, "Content-Type": "application/json", **headers}
        answer = await session.post(self._target, data=body, headers=wanted, allow_redirects=False)
        try:
            said = readable(await _beginning(answer))
            now = datetime.fromtimestamp(self._network.wall_s(), UTC)
            return receipt_of(answer.status, said, answer.headers.get("Retry-After", ""), now)
        finally:
            # What was not read is not waited for.
            answer.release() if answer.content.at_eof() else answer.close()

    def _connected(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(
                ssl=self._network.tls,
                resolver=GuardedResolver(self._guard),
                use_dns_cache=False,
                socket_factory=socket_factory(self._guard, self._url.host),
                limit=0,
                keepalive_timeout=KEEP_S,
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                trust_env=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=self._network.timeout_s),
                auto_decompress=False,
                max_line_size=8190,
                max_field_size=8190,
            )
        return self._session


def header_value(secret: SecretStr) -> str:
    """Return a secret as the value of a header.

    Raises:
        ConfigError: it has characters that end a header, or that no header has.
    """
    text = secret.get_secret_value().strip()
    if not text.isascii() or not text.isprintable():
        raise ConfigError("the value of the header Authorization has characters that no header has")
    return text


def _hidden(target: URL, secrets: Sequence[str]) -> Sequence[str]:
    """Return what no answer may show: secrets, the query of the address, and its path where it is one."""
    path = [target.raw_path] if str(target) in secrets else []
    return [*secrets, *path, target.raw_query_string, *target.query.values()]


async def _beginning(answer: aiohttp.ClientResponse) -> bytes:
    read = bytearray()
    try:
        async with asyncio.timeout(BODY_S):
            while len(read) < ANSWER_BYTES:
                piece = await answer.content.read(ANSWER_BYTES - len(read))
                if not piece:
                    break
                read += piece
    except (TimeoutError, aiohttp.ClientError, OSError):
        pass  # the status is what counts
    return bytes(read)


def _trouble(exc: Exception) -> str:
    """Say what failed without the address: the path of a URL may be a secret."""
    if isinstance(exc, aiohttp.ClientConnectorError):
        return f"no connection: {exc.os_error.strerror or type(exc.os_error).__name__}"
    if isinstance(exc, aiohttp.ServerDisconnectedError):
        return "it closed the connection without an answer"
    return f"the connection failed: {type(exc).__name__}"
