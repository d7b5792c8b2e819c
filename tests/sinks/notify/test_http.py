import asyncio
import socket
import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from pydantic import SecretStr

from schemas.errors import ConfigError
from sinks.notify.answer import receipt_of, retry_after_s
from sinks.notify.guard import ForbiddenError
from sinks.notify.http import HttpClient, Network, header_value
from tests.sinks.notify.certificates import Authority
from tests.sinks.notify.making import network
from tests.sinks.notify.receivers import raw, receiver, status

NOW = datetime(2026, 1, 1, tzinfo=UTC)
pytestmark = pytest.mark.asyncio


async def post(url: str, how: Network | None = None, body: bytes = b"{}", *secrets: str) -> Any:
    client = HttpClient(how or network(), url, [SecretStr(secret) for secret in secrets])
    try:
        return await client.post(body, {})
    finally:
        await client.close()


@pytest.mark.parametrize(
    ("code", "verdict", "blocked"),
    [
        (200, "delivered", False),
        (202, "delivered", False),
        (204, "delivered", False),
        (301, "refused", False),
        (308, "refused", False),
        (400, "refused", False),
        (401, "refused", False),
        (404, "refused", False),
        (408, "retry", False),
        (410, "refused", False),
        (425, "retry", False),
        (429, "retry", True),
        (500, "retry", False),
        (502, "retry", False),
        (503, "retry", True),
    ],
)
async def test_what_a_status_means(code: int, verdict: str, blocked: bool) -> None:
    found = receipt_of(code, "", "", NOW)
    assert (found.verdict, found.blocked) == (verdict, blocked)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7.0),
        (" 30 ", 30.0),
        ("1.5", 1.5),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90.0),
        (format_datetime(NOW - timedelta(seconds=90), usegmt=True), 0.0),
        ("", None),
        ("-5", None),
        ("nan", None),
        ("1e999", None),
        ("tomorrow", None),
        ("9" * 400, None),
        ("٣", None),
        ("Wed, 99 Jan 99999 99:99:99 GMT", None),
    ],
)
async def test_retry_after(text: str, seconds: float | None) -> None:
    assert retry_after_s(text, NOW) == seconds


async def test_delivered() -> None:
    async with receiver() as received:
        found = await post(received.url)
    assert (found.verdict, found.status, found.said) == ("delivered", 200, "ok")
    assert received.bodies == [b"{}"]
    assert received.headers[0]["user-agent"].startswith("Penstock")
    assert found.took_ms > 0


async def test_a_redirect_is_not_followed() -> None:
    async with receiver() as inner, receiver(status(302, Location=inner.url)) as outer:
        found = await post(outer.url)
    assert (found.verdict, found.status, inner.bodies) == ("refused", 302, [])


async def test_429_says_when() -> None:
    async with receiver(status(429, "slow down", Retry_After="12")) as received:
        found = await post(received.url)
    assert (found.verdict, found.retry_after_s, found.blocked) == ("retry", 12.0, True)


async def test_a_receiver_that_hangs() -> None:
    over = asyncio.Event()

    async def hang(_: web.Request) -> web.StreamResponse:
        await over.wait()
        return web.Response()

    async with receiver(hang) as received:
        found = await post(received.url, network(timeout_s=0.2))
        over.set()
    assert (found.verdict, found.status, found.blocked) == ("retry", 0, True)
    assert "0.2 s" in found.said


async def test_a_server_that_never_speaks() -> None:
    async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        while await reader.read(100):
            pass

    async with raw(silent) as url:
        assert (await post(url, network(timeout_s=0.2))).verdict == "retry"


async def test_a_body_that_never_ends_is_read_no_further() -> None:
    sent = 0

    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
        while True:
            writer.write(b"x" * 65536)
            sent += 65536
            await writer.drain()

    async with raw(endless) as url:
        found = await post(url)
    assert found.verdict == "delivered"
    assert len(found.said) <= 300
    assert sent < 64 << 20  # what the sockets' buffers take, and no more


async def test_a_200_whose_body_dawdles_is_delivered() -> None:
    over = asyncio.Event()

    async def dawdle(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        await answer.write(b"o")
        await over.wait()
        return answer

    async with receiver(dawdle) as received:
        found = await post(received.url)
        over.set()
    assert (found.verdict, found.said) == ("delivered", "o")


async def test_headers_that_never_end() -> None:
    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            writer.write(b"X-A: " + b"x" * 65536)
            await writer.drain()

    async with raw(endless) as url:
        assert (await post(url)).verdict == "retry"


async def test_a_connection_that_closes_early() -> None:
    async def close(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")

    async with raw(close) as url:
        found = await post(url)
    assert (found.verdict, found.blocked) == ("retry", True)
    assert "without an answer" in found.said


async def test_nobody_listens() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{held.getsockname()[1]}/T000/secret-path"
        found = await post(url)
    assert (found.verdict, found.blocked) == ("retry", True)
    assert "secret-path" not in found.said


async def test_an_answer_that_is_no_http() -> None:
    async def noise(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(b"\x00\xff220 smtp\r\n\r\n")
        await writer.drain()

    async with raw(noise) as url:
        assert (await post(url)).verdict == "retry"


async def test_secrets_are_out_of_sight() -> None:
    async def echo(request: web.Request) -> web.StreamResponse:
        return web.Response(status=400, text=f"no: {request.path_qs} HUNTER22\r\nx")

    async with receiver(echo) as received:
        found = await post(received.url, None, b"{}", "hunter22")
    assert "hunter22" not in found.said.lower()
    assert "\n" not in found.said
    assert "***" in found.said


async def test_a_certificate_of_an_authority_that_is_not_trusted(tmp_path: Path) -> None:
    (tmp_path / "ours").mkdir()
    (tmp_path / "theirs").mkdir()
    trusting = network(tls=Authority(tmp_path / "ours").trusting())
    async with receiver(tls=Authority(tmp_path / "theirs").serving("127.0.0.1")) as strange:
        found = await post(strange.url, trusting)
    assert (found.verdict, strange.bodies) == ("retry", [])
    assert "certificate" in found.said


async def test_a_certificate_of_another_host(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    trusting = network(tls=authority.trusting())
    async with receiver(tls=authority.serving("elsewhere.example")) as elsewhere:
        wrong = await post(elsewhere.url, trusting)
    async with receiver(tls=authority.serving("127.0.0.1")) as here:
        right = await post(here.url, trusting)
    assert (wrong.verdict, elsewhere.bodies) == ("retry", [])
    assert (right.verdict, here.bodies) == ("delivered", [b"{}"])


async def test_an_address_of_ones_own_is_forbidden_in_the_url() -> None:
    with pytest.raises(ForbiddenError):
        HttpClient(network(allow=""), "http://127.0.0.1:8080/")


async def test_a_name_that_leads_to_ones_own_machines_is_refused() -> None:
    async with receiver() as received:
        url = received.url.replace("127.0.0.1", "localhost")
        found = await post(url, network(allow=""))
        allowed = await post(url, network(allow="localhost"))
    assert found.verdict == "refused"
    assert "notifier.allow" in found.said
    assert (allowed.verdict, len(received.bodies)) == ("delivered", 1)


async def test_a_name_that_changes_its_address_after_it_was_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    """The name is looked up once: the connection goes to the address that was judged."""
    asked = 0

    def rebinding(host: str, port: int, **_: Any) -> list[Any]:
        nonlocal asked
        asked += 1
        address = "10.0.0.1" if asked > 1 else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    async with receiver() as received:
        url = received.url.replace("127.0.0.1", "rebinding.example")
        found = await post(url, network(allow="127.0.0.1"))
        again = await post(url, network(allow="127.0.0.1"))
    assert (found.verdict, again.verdict, asked, len(received.bodies)) == ("delivered", "refused", 2, 1)


async def test_names_that_are_never_resolved_delay_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    over, real = threading.Event(), socket.getaddrinfo

    def silent(host: str, port: int, **options: Any) -> Any:
        if host == "silent.example":
            over.wait(20)
            raise socket.gaierror(socket.EAI_AGAIN, "later")
        return real(host, port, **options)

    monkeypatch.setattr(socket, "getaddrinfo", silent)
    async with receiver() as received:
        waiting = [
            asyncio.ensure_future(post("http://silent.example/", network(timeout_s=15.0))) for _ in range(40)
        ]
        found = await post(received.url.replace("127.0.0.1", "localhost"))
        assert found.verdict == "delivered"
        assert not any(task.done() for task in waiting)
        over.set()
        for said in await asyncio.gather(*waiting):
            assert (said.verdict, said.blocked) == ("retry", True)


async def test_the_socket_itself_is_guarded() -> None:
    """Where the judgement of the name were left out, the socket would still not be made."""
    async with receiver() as received:
        client = HttpClient(network(allow="localhost"), received.url.replace("127.0.0.1", "localhost"))
        client._url = client._url._replace(host="elsewhere.example")  # another name than the allowed one
        found = await client.post(b"{}", {})
        await client.close()
    assert (found.verdict, received.bodies) == ("refused", [])


async def test_no_body_is_larger_than_any_may_be() -> None:
    async with receiver() as received:
        found = await post(received.url, None, b"x" * (600 * 1024))
    assert (found.verdict, received.bodies) == ("refused", [])


async def test_a_value_of_a_header_has_no_line_end() -> None:
    assert header_value(SecretStr("Bearer abc ")) == "Bearer abc"
    for text in ("a\r\nX: b", "a\nb", "a\x00b", "é"):
        with pytest.raises(ConfigError):
            header_value(SecretStr(text))


async def test_a_clock_that_steps_does_not_matter_to_a_timeout() -> None:
    jumps = iter(range(0, 10**9, 10**6))
    async with receiver() as received:
        began = time.monotonic()
        found = await post(received.url, network(wall_s=lambda: float(next(jumps))))
    assert found.verdict == "delivered"
    assert found.took_ms <= (time.monotonic() - began) * 1000
