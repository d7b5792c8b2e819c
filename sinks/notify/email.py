"""Email by SMTP, with STARTTLS or TLS, the server's certificate verified.

A message has the notification's id as its own, so mail servers that see it twice can tell, and refers to the
group, so that programs show what belongs together in one thread.
"""

import asyncio
import time
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

import aiosmtplib

from schemas.channel_document import ChannelKind, EmailSettings
from schemas.events.notification_due import NotificationDue
from sinks.notify.address_text import read_host
from sinks.notify.channel import Receipt
from sinks.notify.guard import ForbiddenError, Guard, connect
from sinks.notify.http import SAID_CHARACTERS, Network
from sinks.notify.plain import duration, lines, moment, one_line, redacted
from sinks.notify.secrets import SecretBox
from sinks.notify.titles import heading

PORTS = {"tls": 465, "starttls": 587, "none": 25}
SUBJECT_CHARACTERS, TEXT_CHARACTERS = 200, 50_000
LAST_OF_LASTING = 500  # from here on SMTP's refusals last
CLOSE_S = 1.0


class Email:
    """Recipients of mail.

    Raises:
        ConfigError: the server's name or a secret cannot be used.
        ForbiddenError: the server's address is one that no notification may go to.
    """

    kind: ChannelKind = "email"

    def __init__(self, settings: EmailSettings, secrets: SecretBox, network: Network) -> None:
        self._settings = settings
        self._host = read_host(f"[{settings.host}]" if ":" in settings.host else settings.host)
        self._port = settings.port or PORTS[settings.security]
        self._guard = Guard(network.allowance)
        self._guard.check_host(self._host)
        self._network = network
        self._password = secrets.open(settings.password) if settings.password else None

    async def send(self, notification: NotificationDue, *, test: bool) -> Receipt:
        """Hand the message to the server."""
        began = time.monotonic()
        receipt = await self._attempt(
            message(notification, self._settings, self._network.wall_s(), test=test)
        )
        hidden = [self._password.get_secret_value()] if self._password else []
        said = one_line(redacted(receipt.said, hidden), SAID_CHARACTERS)
        return receipt._replace(said=said, took_ms=(time.monotonic() - began) * 1000)

    async def close(self) -> None:
        """Hold no connection between messages."""

    async def _attempt(self, mail: EmailMessage) -> Receipt:
        try:
            async with asyncio.timeout(self._network.timeout_s):
                return await self._exchange(mail)
        except TimeoutError:
            return Receipt("retry", said=f"no answer within {self._network.timeout_s:g} s", blocked=True)
        except ForbiddenError as exc:
            return Receipt("refused", said=str(exc))
        except aiosmtplib.SMTPRecipientsRefused as exc:
            return _refusal(max(each.code for each in exc.recipients), str(exc.recipients[0].message))
        except aiosmtplib.SMTPResponseException as exc:
            return _refusal(exc.code, exc.message)
        except aiosmtplib.SMTPException as exc:
            return Receipt("retry", said=f"{type(exc).__name__}: {exc}", blocked=True)
        except OSError as exc:
            return Receipt("retry", said=f"no connection: {exc.strerror or type(exc).__name__}", blocked=True)

    async def _exchange(self, mail: EmailMessage) -> Receipt:
        """Speak SMTP.

        Raises:
            OSError, SMTPException, ForbiddenError, TimeoutError: it came to no answer, or to no good one.
        """
        connected = await connect(self._guard, self._host, self._port)
        security = self._settings.security
        client = aiosmtplib.SMTP(
            hostname=self._host,
            sock=connected,
            use_tls=security == "tls",
            start_tls=False,
            tls_context=self._network.tls,
            local_hostname="penstock",
            timeout=self._network.timeout_s,
        )
        try:
            await client.connect()
            if security == "starttls":
                await client.starttls(server_hostname=self._host, tls_context=self._network.tls)
            if self._password is not None:
                await client.login(self._settings.username, self._password.get_secret_value())
            refused, answer = await client.send_message(
                mail, sender=self._settings.sender, recipients=list(self._settings.to)
            )
        finally:
            await _leave(client)
            connected.close()
        some = f"; not to {', '.join(sorted(refused))}" if refused else ""
        return Receipt("delivered", aiosmtplib.SMTPStatus.completed, f"{answer}{some}")


def message(
    notification: NotificationDue, settings: EmailSettings, now_s: float, *, test: bool
) -> EmailMessage:
    """Return the mail. Its headers are set by the library, which takes no line ends in them."""
    domain = settings.sender.rpartition("@")[2]
    mail = EmailMessage(policy=SMTP)
    mail["Subject"] = one_line(heading(notification, test=test), SUBJECT_CHARACTERS)
    mail["From"] = Address("Penstock", addr_spec=settings.sender)
    mail["To"] = [Address(addr_spec=to) for to in settings.to]
    mail["Date"] = format_datetime(datetime.fromtimestamp(now_s, UTC))
    mail["Message-ID"] = f"<{_token(notification.id)}@{domain}>"
    mail["References"] = f"<{_token(notification.group_id)}@{domain}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Penstock-Group"] = _token(notification.group_id)
    mail.set_content(_text(notification))
    return mail


def _token(text: str) -> str:
    return (
        "".join(char for char in text if char.isascii() and (char.isalnum() or char in "-._"))[:200] or "none"
    )


def _text(notification: NotificationDue) -> str:
    held = duration((notification.occurred_at - notification.onset_at) / 1e6)
    facts = [
        f"Rule: {notification.rule_name or notification.rule_id}",
        f"Severity: {notification.severity}",
        f"Fleet: {notification.fleet}" if notification.fleet else "",
        f"Nodes: {', '.join(notification.nodes[:100])}" if notification.nodes else "",
        f"Since: {moment(notification.onset_at)}",
        f"Lasted: {held}" if notification.kind == "resolved" else f"For: {held}",
        f"Held back: {duration(notification.deferred_s)} by {notification.deferred_by}"
        if notification.deferred_by
        else "",
    ]
    shown = "\n".join(one_line(fact, 2000) for fact in facts if fact)
    return f"{lines(notification.text, TEXT_CHARACTERS)}\n\n{shown}\n"


def _refusal(code: int, said: str) -> Receipt:
    # 421: the server leaves; whatever the message was.
    if code >= LAST_OF_LASTING:
        return Receipt("refused", code, said)
    return Receipt("retry", code, said, blocked=code == aiosmtplib.SMTPStatus.domain_unavailable)


async def _leave(client: aiosmtplib.SMTP) -> None:
    try:
        async with asyncio.timeout(CLOSE_S):
            if client.is_connected:
                await client.quit()
    except (aiosmtplib.SMTPException, OSError, TimeoutError):
        pass  # the message is with the server, or is not: leaving well changes neither
    finally:
        client.close()
