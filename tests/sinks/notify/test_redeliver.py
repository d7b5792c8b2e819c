from typing import Any

import pytest
from aiohttp import web

from schemas.events.delivery_attempted import DeliveryAttempted
from schemas.events.notification_due import NotificationDue
from sinks.notify.redeliver import Found, Search, Wanted, redeliver
from tests.samples import at
from tests.sinks.notify.making import notification, webhook
from tests.sinks.notify.receivers import receiver
from tests.sinks.notify.world import World

ANY = Wanted()
OPENED, RESOLVED = notification("g", 0), notification("g", 1, kind="resolved")


def fact(of: NotificationDue, outcome: Any, channel: str = "ops", seconds: float = 0.0) -> DeliveryAttempted:
    return DeliveryAttempted(
        "", at(seconds), of.id, of.group_id, of.rule_id, channel, "webhook", 1, outcome, 0, "", 0.0, 0, 0.0
    )


def found(*events: object, wanted: Wanted = ANY) -> Found:
    search = Search(wanted)
    for offset, event in enumerate(events):
        search.tell(event, 0, offset)
    return search.found()


def kinds(one: Found) -> list[tuple[str, str]]:
    return [(each.notification.kind, each.channel_id) for each in one.again]


def test_what_was_given_up_or_refused() -> None:
    one = found(
        OPENED,
        RESOLVED,
        fact(OPENED, "gave_up"),
        fact(OPENED, "delivered", "other"),
        fact(RESOLVED, "retrying"),
        fact(RESOLVED, "refused"),
    )
    assert kinds(one) == [("opened", "ops"), ("resolved", "ops")]
    assert one.again[0].notification.channels == ("ops",)
    assert one.again[0].notification.id == OPENED.id


def test_what_is_over_is_not_opened_again() -> None:
    one = found(OPENED, fact(OPENED, "gave_up"), RESOLVED, fact(RESOLVED, "delivered"))
    assert (kinds(one), one.over) == ([], 1)


def test_one_channel_and_a_time() -> None:
    events = [OPENED, fact(OPENED, "gave_up", "ops", 10), fact(OPENED, "gave_up", "other", 20)]
    assert kinds(found(*events, wanted=Wanted("other"))) == [("opened", "other")]
    assert kinds(found(*events, wanted=Wanted(since_us=at(15)))) == [("opened", "other")]


def test_what_waits_to_be_delivered_again_is_not_asked_for_twice() -> None:
    copy = OPENED._replace(channels=("ops",))
    assert kinds(found(OPENED, fact(OPENED, "gave_up"), copy)) == []
    assert kinds(found(OPENED, fact(OPENED, "gave_up"), copy, fact(OPENED, "gave_up"))) == [("opened", "ops")]


@pytest.mark.asyncio
@pytest.mark.integration
async def test_a_receiver_that_was_repaired_is_told_again(world: World) -> None:
    broken = True

    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(status=404 if broken else 200)

    async with receiver(answer) as received:
        await world.put_channel(webhook(received.url))
        world.start()
        await world.put(OPENED, RESOLVED)
        await world.until_told((OPENED, ["refused"]), (RESOLVED, ["refused"]))
        broken = False
        tried = await redeliver(world.settings, Wanted(), 7, dry_run=True)
        done = await redeliver(world.settings, Wanted(), 7)
        assert kinds(tried) == kinds(done) == [("opened", "ops"), ("resolved", "ops")]
        await world.until_told((OPENED, ["refused", "delivered"]), (RESOLVED, ["refused", "delivered"]))
        assert kinds(await redeliver(world.settings, Wanted(), 8)) == []
        ids = [headers["webhook-id"] for headers in received.headers]
    assert ids == [OPENED.id, RESOLVED.id] * 2
    facts = await world.attempts()
    assert len({each.id for each in facts}) == len(facts)
