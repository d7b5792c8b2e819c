"""One channel of one notifier: its queue, its pace, its troubles. No channel waits for another.

A receiver in trouble (no connection, no answer in time, 429, 503, a Retry-After) is left alone until its next
attempt is due; then one message is tried, and while that fails the others wait. Trouble with one message
alone holds up its group and no other.
"""

import asyncio
import logging
import random
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

from schemas.events.delivery_attempted import DeliveryOutcome
from schemas.events.notification_due import NotificationDue
from schemas.settings.notifier import NotifierSettings
from sinks.notify.backoff import delay_s
from sinks.notify.channel import Receipt
from sinks.notify.clock import Clock
from sinks.notify.delivery import Delivery
from sinks.notify.metrics import CHANNEL_UP, WAITING
from sinks.notify.queue import GroupQueue
from sinks.notify.rate import Rate
from sinks.notify.shared import Shared
from sinks.notify.ways import UNKNOWN_S, Way

logger = logging.getLogger(__name__)

# While a receiver is left alone, those whose time is up are looked for this often.
LOOK_S = 1.0
# Facts under way at a time of what is given up together.
MOST_ENDINGS = 100
_CHANCE = random.SystemRandom()


class Destination:
    """Runs from ``start`` to ``stop``."""

    def __init__(self, channel_id: str, way: Way, shared: Shared) -> None:
        self.channel_id = channel_id
        self._way = way
        self._shared = shared
        self._settings: NotifierSettings = shared.settings
        self._clock: Clock = shared.clock
        self._queue = GroupQueue()
        self._trying: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._blocked_until_s = 0.0
        self._trouble = ""
        self._rate = Rate(self._settings.rate_per_s)
        self._rate_per_s = self._settings.rate_per_s
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to send what is put."""
        self._task = asyncio.create_task(self._run(), name=f"channel {self.channel_id}")

    def put(self, delivery: Delivery) -> None:
        """Let a delivery wait its turn."""
        overtaken = self._queue.put(delivery)
        WAITING.labels(self.channel_id).set(len(self._queue))
        if overtaken is not None:
            self._spawn(self._drop(overtaken, "something later for the same group says all it says"))
        self._wake.set()

    def give_up_s(self) -> float:
        """Return for how long a message to this channel is tried."""
        if self._way.is_unknown:
            return min(UNKNOWN_S, self._settings.give_up_s)
        document = self._way.document
        return (document.give_up_s if document else None) or self._settings.give_up_s

    async def stop(self, within_s: float) -> None:
        """Take nothing up any more; let what is being tried end within so many seconds."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._trying:
            _, unfinished = await asyncio.wait(set(self._trying), timeout=within_s)
            for task in unfinished:
                task.cancel()
            await asyncio.gather(*unfinished, return_exceptions=True)
        await self._way.close()
        WAITING.labels(self.channel_id).set(0)

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            now = self._clock.monotonic_s()
            for delivery in self._queue.take_expired(now, MOST_ENDINGS - len(self._trying)):
                self._spawn(self._finish(delivery, self._gave_up(delivery)))
            wait_s = self._wait_s(now)
            if wait_s == 0.0 and (ready := self._queue.take(now)):
                self._rate.take(now)
                self._spawn(self._attempt(ready))
                continue
            if wait_s is None or wait_s > LOOK_S:
                wait_s = LOOK_S if len(self._queue) else None
            try:
                async with asyncio.timeout(wait_s):
                    await self._wake.wait()
            except TimeoutError:
                pass

    def _wait_s(self, now: float) -> float | None:
        """Return the seconds until the next attempt; None while something else has to happen first."""
        if len(self._trying) >= (1 if self._trouble else self._settings.at_once):
            return None
        due_s = self._queue.next_due_s()
        if due_s is None:
            return None
        blocked_s = self._blocked_until_s - now if self._trouble else 0.0
        return max(0.0, due_s - now, blocked_s, self._pace().wait_s(now), self._shared.hold_s(now))

    def _pace(self) -> Rate:
        document = self._way.document
        per_s = (document.rate_per_s if document else None) or self._settings.rate_per_s
        if per_s != self._rate_per_s:
            self._rate, self._rate_per_s = Rate(per_s), per_s
        return self._rate

    def _spawn(self, doing: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(doing)
        self._trying.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._trying.discard(task)
        self._wake.set()
        if not task.cancelled() and (trouble := task.exception()):
            self._shared.failed(trouble)

    async def _attempt(self, delivery: Delivery) -> None:
        if why := self._way.dropped_because:
            await self._finish(delivery, End("dropped", Receipt("refused", said=why)))
            return
        body = delivery.body or await self._shared.recall.read(delivery.place)
        if body is None:
            gone = Receipt("refused", said="Kafka keeps the notification no longer")
            await self._finish(delivery, End("gave_up", gone))
            return
        began_us = self._clock.wall_us()
        receipt = await self._receipt(body)
        delivery.attempts += 1
        delivery.began_us = delivery.began_us or began_us
        await self._finish(delivery, self._judged(delivery, receipt), body)

    async def _receipt(self, body: NotificationDue) -> Receipt:
        try:
            return await self._way.send(body)
        except Exception as exc:  # the outermost frame of a channel's code
            logger.exception("channel %s failed in an unexpected way", self.channel_id)
            return Receipt("retry", said=f"defect: {type(exc).__name__}")

    def _judged(self, delivery: Delivery, receipt: Receipt) -> "End":
        now = self._clock.monotonic_s()
        if receipt.verdict != "retry":
            self._well()
            return End("delivered" if receipt.verdict == "delivered" else "refused", receipt)
        wait_s = delay_s(delivery.attempts, receipt.retry_after_s, self._settings, _CHANCE.random)
        if receipt.blocked:
            self._in_trouble(receipt.said, now + wait_s)
        else:
            self._well()
        if now + wait_s > delivery.expires_s:
            return End("gave_up", receipt)
        delivery.due_s = now + wait_s
        return End("retrying", receipt, wait_s)

    def _well(self) -> None:
        if self._trouble:
            logger.info("channel %s answers again", self.channel_id)
        self._trouble = ""
        CHANNEL_UP.labels(self.channel_id).set(1)

    def _in_trouble(self, said: str, until_s: float) -> None:
        if not self._trouble:
            logger.warning("channel %s is in trouble: %s", self.channel_id, said)
        self._trouble = said or "no reason given"
        self._blocked_until_s = until_s
        CHANNEL_UP.labels(self.channel_id).set(0)

    def _gave_up(self, delivery: Delivery) -> "End":
        said = self._trouble or "it waited for too long behind others"
        return End("gave_up", Receipt("retry", said=said))

    async def _drop(self, delivery: Delivery, why: str) -> None:
        await self._shared.settling.record(
            delivery, "dropped", Receipt("refused", said=why), kind=self._kind()
        )
        self._shared.settled(delivery)

    async def _finish(self, delivery: Delivery, end: "End", body: NotificationDue | None = None) -> None:
        """Write what became of a head that was taken, and let its group go on."""
        if end.outcome == "gave_up" and body is None and delivery.body is None:
            body = await self._shared.recall.read(delivery.place)
        await self._shared.settling.record(
            delivery, end.outcome, end.receipt, kind=self._kind(), again_in_s=end.again_in_s, body=body
        )
        settled = end.outcome != "retrying"
        self._queue.give_back(delivery, settled=settled)
        WAITING.labels(self.channel_id).set(len(self._queue))
        if settled:
            self._shared.settled(delivery)

    def _kind(self) -> str:
        document = self._way.document
        return document.kind if document else ""


@dataclass(frozen=True, slots=True)
class End:
    """How an attempt, or a delivery, ended; ``again_in_s`` of one that is tried again."""

    outcome: DeliveryOutcome
    receipt: Receipt
    again_in_s: float = 0.0
