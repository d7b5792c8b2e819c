"""A channel of the notifier with real receivers; what it says is kept in memory."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from schemas.channel_document import ChannelDocument, canonical
from schemas.codec import Codec, Event
from schemas.events.channel_changed import ChannelChanged
from schemas.events.delivery_attempted import DeliveryAttempted
from schemas.events.notification_due import NotificationDue
from schemas.registry import Registry
from schemas.settings import KafkaSettings, RegistrySettings
from schemas.settings.notifier import NotifierSettings
from sinks.notify.backoff import delay_s
from sinks.notify.clock import Clock
from sinks.notify.delivery import Delivery, Place, delivery_of
from sinks.notify.destination import Destination
from sinks.notify.directory import Directory
from sinks.notify.facts import Facts
from sinks.notify.patience import Patience
from sinks.notify.recall import Recall
from sinks.notify.secrets import SecretBox, sealed
from sinks.notify.settling import Settling
from sinks.notify.shared import Shared
from sinks.notify.ways import Way
from tests.sinks.notify.making import box, network, notification, webhook
from tests.sinks.notify.receivers import Received, receiver, status

pytestmark = pytest.mark.asyncio
QUICK = {"first_retry_s": 0.02, "last_retry_s": 0.05, "rate_per_s": 1000.0}


class KeptFacts(Facts):
    """Facts in memory."""

    def __init__(self) -> None:
        self.facts: list[DeliveryAttempted] = []
        self.letters: list[str] = []

    async def write(self, event: Event, key: str, partition: int) -> None:
        assert isinstance(event, DeliveryAttempted)
        self.facts.append(event)

    async def bury(self, place: Place, key: str, event: Event, channel_id: str, why: str) -> None:
        self.letters.append(why)


class Bench:
    """Channels that share what those of a notifier share."""

    def __init__(self, clock: Clock, timeout_s: float, **settings: Any) -> None:
        self.settings = NotifierSettings(**{**QUICK, **settings})
        self.facts = KeptFacts()
        self.box: SecretBox = box()
        self.clock = clock
        self.settled: list[Delivery] = []
        self.hold_s = 0.0
        self.failures: list[BaseException] = []
        patience = Patience()
        kafka, registry = KafkaSettings(), Registry(RegistrySettings())
        self.directory = Directory(kafka, Codec({}), registry, patience)
        self.shared = Shared(
            self.settings,
            clock,
            Settling(self.facts, clock),
            Recall(kafka, Codec({}), registry, patience),
            self.settled.append,
            self.failures.append,
            lambda _: self.hold_s,
        )
        self.network = network(timeout_s, wall_s=lambda: clock.wall_us() / 1e6)
        self.destinations: dict[str, Destination] = {}
        self._revisions = 0

    def channel(self, document: ChannelDocument) -> None:
        self._revisions += 1
        kept, _ = sealed(document, self.box)
        change = ChannelChanged("", 0, document.id, self._revisions, False, "t", canonical(kept))
        self.directory.take(change)

    def put(self, *notifications: NotificationDue, to: str = "ops") -> None:
        if to not in self.destinations:
            way = Way(to, self.directory, self.box, self.network)
            self.destinations[to] = Destination(to, way, self.shared)
            self.destinations[to].start()
        for offset, one in enumerate(notifications):
            now = self.clock.monotonic_s()
            give_up_s = self.destinations[to].give_up_s()
            self.destinations[to].put(delivery_of(one, to, Place(0, offset), now, now + give_up_s))

    def outcomes(self, channel: str = "ops") -> list[str]:
        return [fact.outcome for fact in self.facts.facts if fact.channel_id == channel]


@asynccontextmanager
async def bench(clock: Clock | None = None, timeout_s: float = 5.0, **settings: Any) -> AsyncIterator[Bench]:
    made = Bench(clock or Clock(), timeout_s, **settings)
    yield made
    for destination in made.destinations.values():
        await destination.stop(1.0)
    assert made.failures == []


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.005)


def ids(received: Received) -> list[str]:
    return [headers["webhook-id"] for headers in received.headers]


async def test_a_channel_that_hangs_delays_no_other() -> None:
    over = asyncio.Event()

    async def hang(_: web.Request) -> web.StreamResponse:
        await over.wait()
        return web.Response()

    every = [notification(f"g{number}") for number in range(50)]
    async with receiver(hang) as slow, receiver() as quick, bench() as one:
        one.channel(webhook(slow.url, "slow"))
        one.channel(webhook(quick.url))
        one.put(*every, to="slow")
        one.put(*every)
        await until(lambda: one.outcomes() == ["delivered"] * 50)
        assert one.outcomes("slow") == []
        assert len(slow.bodies) <= one.settings.at_once
        over.set()
        await until(lambda: one.outcomes("slow") == ["delivered"] * 50)


async def test_trouble_with_one_message_holds_up_its_group_alone() -> None:
    opened, resolved, other = notification("g"), notification("g", 1, kind="resolved"), notification("h")
    poison = True

    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(status=500 if poison and request.headers["webhook-id"] == opened.id else 200)

    async with receiver(answer) as received, bench() as one:
        one.channel(webhook(received.url))
        one.put(opened, resolved, other)
        await until(lambda: other.id in ids(received) and ids(received).count(opened.id) > 3)
        assert resolved.id not in ids(received)
        poison = False
        await until(lambda: len(one.settled) == 3)
    assert ids(received)[-2:] == [opened.id, resolved.id]


async def test_retry_after_holds_for_the_whole_channel() -> None:
    answers = iter([429])

    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(status=next(answers, 200), headers={"Retry-After": "1"})

    every = [notification(f"g{number}") for number in range(5)]
    async with receiver(answer) as received, bench(at_once=1) as one:
        one.channel(webhook(received.url))
        began = time.monotonic()
        one.put(*every)
        await until(lambda: len(one.settled) == 5)
        assert time.monotonic() - began >= 1.0
    assert one.outcomes() == ["retrying"] + ["delivered"] * 5
    (retried, *_) = one.facts.facts
    assert retried.next_attempt_at - retried.occurred_at == 1_000_000
    assert retried.status == 429


async def test_a_retry_after_of_a_year_is_bounded() -> None:
    answers = iter([503])

    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(status=next(answers, 200), headers={"Retry-After": "31536000"})

    async with receiver(answer) as received, bench(retry_after_s=0.1) as one:
        one.channel(webhook(received.url))
        one.put(notification())
        await until(lambda: one.outcomes() == ["retrying", "delivered"])


async def test_while_a_receiver_is_in_trouble_one_message_is_tried_at_a_time() -> None:
    together = most = 0

    async def answer(_: web.Request) -> web.StreamResponse:
        nonlocal together, most
        together += 1
        most = max(most, together)
        await asyncio.sleep(0)
        together -= 1
        return web.Response(status=503)

    async with receiver(answer) as received, bench(at_once=4, give_up_s=1.0) as one:
        one.channel(webhook(received.url))
        one.put(notification("first"))
        await until(lambda: one.outcomes())
        most = 0
        one.put(*(notification(f"g{number}") for number in range(20)))
        await until(lambda: len(received.bodies) > 5)
        assert most == 1
        await until(lambda: len(one.settled) == 21)
    assert set(one.outcomes()) == {"retrying", "gave_up"}
    assert len(one.facts.letters) == 21


async def test_giving_up_after_the_stated_time() -> None:
    async with receiver(status(500, "broken")) as received, bench() as one:
        one.channel(webhook(received.url, give_up_s=1.0))
        one.put(notification())
        await until(lambda: one.outcomes()[-1:] == ["gave_up"])
    assert one.facts.letters == ["broken"]
    assert len(one.settled) == 1


async def test_nothing_is_sent_while_the_lease_is_in_doubt() -> None:
    every = [notification(f"g{number}") for number in range(3)]
    async with receiver() as received, bench() as one:
        one.channel(webhook(received.url))
        one.hold_s = 5.0
        one.put(*every)
        for _ in range(100):  # turns of the loop: more than an attempt takes
            await asyncio.sleep(0)
        # Neither under way nor over: all three could be by now.
        assert one.destinations["ops"]._trying == set()
        assert (received.bodies, one.settled) == ([], [])
        one.hold_s = 0.0
        await until(lambda: len(one.settled) == 3)
    assert len(received.bodies) == 3


async def test_a_rate() -> None:
    every = [notification(f"g{number}") for number in range(6)]
    async with receiver() as received, bench() as one:
        one.channel(webhook(received.url, rate_per_s=4))
        began = time.monotonic()
        one.put(*every)
        await until(lambda: len(one.settled) == 6)
        assert time.monotonic() - began >= 0.49  # four at once, and two at four a second


async def test_a_clock_that_steps_neither_hurries_nor_delays() -> None:
    """The wall clock jumps by days between attempts: the waits stay, the facts are dated by it."""
    steps = iter([0, 86_400, -86_400, 5 * 86_400])
    now_us = time.time_ns() // 1000
    offset = 0

    def wall_us() -> int:
        return now_us + offset * 1_000_000

    async def answer(_: web.Request) -> web.StreamResponse:
        nonlocal offset
        offset = next(steps, -1)
        return web.Response(status=200 if offset == -1 else 500)

    async with receiver(answer) as received, bench(Clock(time.monotonic, wall_us), give_up_s=30.0) as one:
        one.channel(webhook(received.url))
        one.put(notification())
        await until(lambda: one.outcomes()[-1:] == ["delivered"])
    assert one.outcomes() == ["retrying"] * 4 + ["delivered"]
    waits = [fact.next_attempt_at - fact.occurred_at for fact in one.facts.facts[:-1]]
    assert all(0 < wait <= 50_000 for wait in waits)


async def test_a_channel_that_is_mended_is_used() -> None:
    async with receiver() as received, bench() as one:
        one.channel(webhook("http://192.168.7.7/in"))
        one.put(notification())
        await until(lambda: one.outcomes().count("retrying") > 1)
        assert "notifier.allow" in one.facts.facts[0].error
        one.channel(webhook(received.url))
        await until(lambda: one.outcomes()[-1:] == ["delivered"])


async def test_no_fact_holds_a_secret() -> None:
    async def echo(request: web.Request) -> web.StreamResponse:
        return web.Response(status=400, text=f"{request.headers['Authorization']} {request.path_qs}")

    async with receiver(echo) as received, bench() as one:
        one.channel(webhook(received.url, settings={"authorization": "Bearer hunter22"}))
        one.put(notification())
        await until(lambda: one.settled)
    assert one.facts.facts[0].error == one.facts.letters[0] == "*** /in?***"


async def test_what_is_due_when_the_notifier_stops_is_seen_through() -> None:
    begun = asyncio.Event()

    async def slow(_: web.Request) -> web.StreamResponse:
        begun.set()
        await asyncio.sleep(0.2)
        return web.Response()

    async with receiver(slow) as received, bench() as one:
        one.channel(webhook(received.url))
        one.put(notification("a"), notification("a", 1, kind="resolved"))
        await begun.wait()
        await one.destinations["ops"].stop(5.0)
    assert one.outcomes() == ["delivered"]
    assert len(one.settled) == 1


@pytest.mark.parametrize("chance", [0.0, 0.5, 1.0])
async def test_the_back_off(chance: float) -> None:
    settings = NotifierSettings(first_retry_s=1.0, last_retry_s=60.0, retry_after_s=100.0)
    share = 0.5 + chance / 2
    found = [delay_s(attempts, None, settings, lambda: chance) for attempts in (1, 2, 3, 7, 100, 10**9)]
    assert found == [1 * share, 2 * share, 4 * share, 60 * share, 60 * share, 60 * share]
    assert delay_s(1, 30.0, settings, lambda: chance) == 30.0
    assert delay_s(1, 10.0**9, settings, lambda: chance) == 100.0
    assert delay_s(9, 1.0, settings, lambda: chance) == 60 * share
