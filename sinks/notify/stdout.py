"""Standard output: a line of JSON for each notification, as a webhook would have it."""

import asyncio
import os
import sys
from concurrent.futures import ThreadPoolExecutor

from schemas.channel_document import ChannelKind
from schemas.events.notification_due import NotificationDue
from sinks.notify.channel import Receipt
from sinks.notify.webhook import body_of


class Stdout:
    """The notifier's own output. A thread of its own prints: who reads a pipe may stop reading."""

    kind: ChannelKind = "stdout"

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._printer = ThreadPoolExecutor(1, thread_name_prefix="stdout")

    async def send(self, notification: NotificationDue, *, test: bool) -> Receipt:
        """Print the line."""
        line = body_of(notification, test=test) + b"\n"
        printing = asyncio.get_running_loop().run_in_executor(self._printer, _print, line)
        try:
            async with asyncio.timeout(self._timeout_s):
                await printing
        except TimeoutError:
            return Receipt("retry", said="nobody reads the output", blocked=True)
        except OSError as exc:
            return Receipt("retry", said=f"cannot print: {exc.strerror}", blocked=True)
        return Receipt("delivered", said="printed")

    async def close(self) -> None:
        """Let the thread end."""
        self._printer.shutdown(wait=False, cancel_futures=True)


def _print(line: bytes) -> None:
    number = sys.stdout.fileno()
    while line:
        line = line[os.write(number, line) :]
