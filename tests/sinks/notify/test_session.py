"""A session of a notifier whose process stands still for a while, as SIGSTOP does to it; without Kafka."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiokafka import AIOKafkaConsumer

from schemas.codec import Codec
from schemas.registry import Registry
from schemas.settings import RegistrySettings, Settings
from sinks.notify.clock import Clock
from sinks.notify.delivery import Place, delivery_of
from sinks.notify.offsets import Offsets
from sinks.notify.patience import Patience
from sinks.notify.services import Services
from sinks.notify.session import Session
from tests.sinks.notify.making import notification, webhook
from tests.sinks.notify.receivers import receiver
from tests.sinks.notify.test_destination import Bench, bench, until

pytestmark = pytest.mark.asyncio
STOOD_STILL_S = 60.0


@asynccontextmanager
async def session_of(one: Bench) -> AsyncIterator[Session]:
    """A session that has read one record, of one delivery, and not sent it; its consumer never starts."""
    shared, consumer = one.shared, AIOKafkaConsumer()
    services = Services(
        Settings(notifier=one.settings), one.clock, Codec({}), Registry(RegistrySettings()), Patience(),
        one.directory, one.facts, shared.settling, shared.recall, one.box, one.network,
    )  # fmt: skip
    session = Session(services, consumer, [])
    session._offsets[0], session._committed[0] = Offsets(0), 1
    session._offsets[0].read(0, 1)
    awake = asyncio.create_task(session._stay_awake())
    try:
        yield session
    finally:
        awake.cancel()
        session._committed[0] = session._offsets[0].committable
        await session.close()
        await consumer.stop()


async def test_a_session_that_stood_still_sends_nothing_until_the_group_has_had_its_say() -> None:
    now = 100.0
    clock = Clock(lambda: now)
    async with receiver() as received, bench(clock) as one, session_of(one) as session:
        one.channel(webhook(received.url))
        channel = session._destination("ops")
        now += STOOD_STILL_S
        channel.put(delivery_of(notification(), "ops", Place(0, 0), now, now + 3600.0))
        for _ in range(100):  # turns of the loop: more than an attempt takes
            await asyncio.sleep(0)
        assert channel._trying == set()
        assert (received.bodies, one.facts.facts) == ([], [])
        over = now + one.settings.session_timeout_s
        while now < over:
            await until(lambda: session._lease._seen_s == clock.monotonic_s())
            assert received.bodies == []
            now += 1.0
        await until(lambda: one.outcomes() == ["delivered"])
    assert len(received.bodies) == 1


async def test_a_session_that_has_nothing_to_do_does_not_stand_still() -> None:
    now = 100.0
    clock = Clock(lambda: now)
    async with bench(clock) as one, session_of(one) as session:
        for _ in range(5):
            now += 2.0
            await until(lambda: session._lease._seen_s == clock.monotonic_s())
        assert session._lease.hold_s(now) == 0.0
