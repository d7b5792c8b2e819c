import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

from schemas.channel_document import parse
from schemas.errors import ConfigError
from sinks.notify.channel import Receipt
from sinks.notify.channels import build
from sinks.notify.guard import ForbiddenError
from tests.sinks.notify.certificates import Authority
from tests.sinks.notify.making import box, network, notification
from tests.sinks.notify.receivers import raw

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.filterwarnings("ignore::DeprecationWarning:aiosmtpd.*"),
    pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS"),
]


class Mailbox:
    """What an SMTP server took, and what it says to recipients and messages."""

    def __init__(self, rcpt: str = "250 OK", data: str = "250 taken") -> None:
        self.mails: list[Any] = []
        self.users: list[bytes] = []
        self.rcpt, self.data = rcpt, data

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        if self.rcpt.startswith("250") or address.startswith("good"):
            envelope.rcpt_tos.append(address)
            return "250 OK"
        return self.rcpt

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        self.mails.append(envelope)
        return self.data

    def authenticate(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.users.append(data.login)
        return AuthResult(success=data.password == b"hunter22", handled=False)


@asynccontextmanager
async def mail_server(
    mailbox: Mailbox, tls: ssl.SSLContext | None = None, **options: Any
) -> AsyncIterator[int]:
    loop = asyncio.get_running_loop()

    def make() -> SMTP:
        return SMTP(mailbox, hostname="mail.test", loop=loop, authenticator=mailbox.authenticate, **options)

    server = await loop.create_server(make, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def sent(
    port: int, tls: ssl.SSLContext | None = None, timeout_s: float = 5.0, **settings: Any
) -> Receipt:
    usual = {"host": "127.0.0.1", "port": port, "sender": "penstock@example.com", "to": ["ops@example.com"]}
    channel = parse({"id": "mail", "kind": "email", "settings": {**usual, **settings}})
    how = network(timeout_s, tls=tls) if tls else network(timeout_s)
    way = build(channel, box(), how)
    return await way.send(notification(title="hot\r\nBcc: evil@example.com"), test=False)


async def test_starttls_with_a_password(tmp_path: Path) -> None:
    authority, mailbox = Authority(tmp_path), Mailbox()
    serving = authority.serving("127.0.0.1")
    async with mail_server(mailbox, tls_context=serving, require_starttls=True, auth_required=True) as port:
        found = await sent(port, authority.trusting(), username="u", password="hunter22")
        wrong = await sent(port, authority.trusting(), username="u", password="hunter33")
    assert (found.verdict, found.status) == ("delivered", 250)
    assert (wrong.verdict, wrong.status) == ("refused", 535)
    assert "hunter33" not in wrong.said
    (mail,) = mailbox.mails
    assert mail.rcpt_tos == ["ops@example.com"]
    head = mail.content.partition(b"\r\n\r\n")[0]
    assert b"\r\nBcc:" not in head
    assert set(mailbox.users) == {b"u"}


async def test_tls_from_the_start(tmp_path: Path) -> None:
    authority, mailbox = Authority(tmp_path), Mailbox()
    async with mail_server(mailbox, authority.serving("127.0.0.1")) as port:
        found = await sent(port, authority.trusting(), security="tls")
    assert (found.verdict, len(mailbox.mails)) == ("delivered", 1)


@pytest.mark.parametrize("security", ["tls", "starttls"])
async def test_a_certificate_that_is_not_valid(tmp_path: Path, security: str) -> None:
    authority, mailbox = Authority(tmp_path), Mailbox()
    serving = authority.serving("elsewhere.example")
    options: dict[str, Any] = {"tls": serving} if security == "tls" else {"tls_context": serving}
    async with mail_server(mailbox, **options) as port:
        found = await sent(port, authority.trusting(), security=security)
    assert (found.verdict, mailbox.mails) == ("retry", [])


async def test_a_server_that_hides_starttls_gets_nothing() -> None:
    mailbox = Mailbox()
    async with mail_server(mailbox) as port:
        found = await sent(port)
    assert (found.verdict, mailbox.mails) == ("retry", [])


async def test_without_encryption_where_it_is_asked_for() -> None:
    mailbox = Mailbox()
    async with mail_server(mailbox) as port:
        assert (await sent(port, security="none")).verdict == "delivered"


@pytest.mark.parametrize(
    ("answers", "verdict", "status"),
    [
        ({"rcpt": "550 no such user"}, "refused", 550),
        ({"rcpt": "450 later"}, "retry", 450),
        ({"data": "554 spam"}, "refused", 554),
        ({"data": "451 later"}, "retry", 451),
    ],
)
async def test_what_the_server_says(answers: dict[str, str], verdict: str, status: int) -> None:
    async with mail_server(Mailbox(**answers)) as port:
        found = await sent(port, security="none")
    assert (found.verdict, found.status) == (verdict, status)


async def test_one_of_two_recipients() -> None:
    mailbox = Mailbox(rcpt="550 no such user")
    async with mail_server(mailbox) as port:
        found = await sent(port, security="none", to=["good@example.com", "gone@example.com"])
    assert found.verdict == "delivered"
    assert "gone@example.com" in found.said


async def test_a_server_that_hangs() -> None:
    async def hang(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        while await reader.read(100):
            pass

    async with raw(hang) as url:
        port = int(url.rpartition(":")[2].partition("/")[0])
        found = await sent(port, security="none", timeout_s=0.2)
    assert (found.verdict, found.blocked) == ("retry", True)


async def test_a_server_of_ones_own_is_forbidden_unless_allowed() -> None:
    usual = {"sender": "a@example.com", "to": ["b@example.com"]}
    with pytest.raises(ForbiddenError):
        build(
            parse({"id": "m", "kind": "email", "settings": {"host": "10.0.0.1", **usual}}),
            box(),
            network(allow=""),
        )
    way = build(
        parse({"id": "m", "kind": "email", "settings": {"host": "localhost", **usual}}),
        box(),
        network(allow=""),
    )
    found = await way.send(notification(), test=False)
    assert found.verdict == "refused"
    assert "notifier.allow" in found.said


@pytest.mark.parametrize(
    "change",
    [
        {"to": ["a@example.com\r\nBcc: b@example.com"]},
        {"to": ["Name <a@example.com>"]},
        {"to": ["a@example.com, b@example.com"]},
        {"to": []},
        {"sender": "a@example.com>\r\nX: y"},
        {"username": "u"},
        {"username": "u", "password": "p", "security": "none"},
        {"host": "mail.example\r\n"},
    ],
)
async def test_settings_that_are_wrong(change: dict[str, Any]) -> None:
    usual = {"host": "mail.example", "sender": "a@example.com", "to": ["b@example.com"]}
    with pytest.raises(ConfigError):
        parse({"id": "m", "kind": "email", "settings": {**usual, **change}})
