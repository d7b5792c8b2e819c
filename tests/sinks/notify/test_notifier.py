"""The notifier with a real broker and real receivers."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from schemas.channel_document import parse
from schemas.events.notification_due import NotificationDue
from schemas.settings import KafkaSettings, RegistrySettings, Settings
from schemas.settings.notifier import NotifierSettings
from sinks.notify.clock import Clock
from sinks.notify.serve import serve
from tests.fixtures.kafka import broker
from tests.fixtures.ports import free_port
from tests.sinks.notify.making import LOOPBACK, notification, webhook
from tests.sinks.notify.receivers import Received, receiver, status
from tests.sinks.notify.world import World

pytestmark = [pytest.mark.asyncio, pytest.mark.integration, pytest.mark.timeout(120)]


@asynccontextmanager
async def serving(settings: Settings, clock: Clock) -> AsyncIterator[None]:
    task = asyncio.ensure_future(serve(settings, clock))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def opened_and_resolved(group: str = "g", **changes: object) -> tuple[NotificationDue, NotificationDue]:
    return (
        notification(group, 0, kind="opened", **changes),
        notification(group, 1, kind="resolved", **changes),
    )


async def test_an_incident_opens_and_resolves(world: World) -> None:
    opened, resolved = opened_and_resolved()
    async with receiver() as received:
        await world.put_channel(webhook(received.url))
        notifier = world.start()
        await world.put(opened)
        await world.until_told((opened, ["delivered"]))
        await world.put(resolved)
        await world.until_told((resolved, ["delivered"]))
        assert [body["type"] for body in received.documents] == [
            "notification.opened",
            "notification.resolved",
        ]
        assert notifier.health() == {"status": "ok", "waiting_for": []}
        assert notifier.stop() == 0

        async def all_committed() -> bool:
            return await world.committed() == await world.end()

        await world.until(all_committed)
    (first, *_) = await world.attempts()
    assert (first.channel_kind, first.status, first.attempt, first.error) == ("webhook", 200, 1, "")
    assert first.rule_id == opened.rule_id


async def test_kill_9_loses_nothing_and_repeats_only_what_no_fact_tells_of(world: World) -> None:
    """Killed while some are delivered, one hangs and others wait; another notifier goes on."""
    over = asyncio.Event()
    hanging = asyncio.Event()

    async def hang(_: web.Request) -> web.StreamResponse:
        hanging.set()
        await over.wait()
        return web.Response()

    groups = [opened_and_resolved(f"g{number}", channels=("ops", "slow")) for number in range(20)]
    every = [one for pair in groups for one in pair]
    async with receiver() as received, receiver(hang) as slow:
        await world.put_channel(webhook(received.url))
        await world.put_channel(webhook(slow.url, "slow"))
        notifier = world.start()
        await world.put(*every[:20])

        async def delivered() -> bool:
            found = await world.attempts()
            return len({each.notification_id for each in found if each.outcome == "delivered"}) == 20

        await world.until(delivered)
        await asyncio.wait_for(hanging.wait(), 10)
        notifier.kill()
        before = [headers["webhook-id"] for headers in received.headers]
        await world.put(*every[20:])
        over.set()
        world.start()

        async def everything() -> bool:
            found = await world.attempts()
            done = {(each.notification_id, each.channel_id) for each in found if each.outcome == "delivered"}
            return len(done) == 80

        await world.until(everything)
        ids = [headers["webhook-id"] for headers in received.headers]
    assert sorted(before) == sorted(one.id for one in every[:20])
    # To the channel that had answered nothing comes twice: the facts tell of it though nothing was committed.
    assert sorted(ids) == sorted(one.id for one in every)
    told = [headers["webhook-id"] for headers in slow.headers]
    assert set(told) == {one.id for one in every}
    # To the one that hung, no more than was under way at the moment of the kill.
    assert len(told) - len(set(told)) <= world.settings.notifier.at_once
    for opened, resolved in groups:
        assert ids.index(opened.id) < ids.index(resolved.id)


async def test_facts_behind_an_open_transaction_are_waited_for(world: World) -> None:
    """A worker and the notifier are killed together: the worker's transaction stays open for a while."""
    first, second = notification("a"), notification("b")
    hung = notification("h", channels=("slow",))  # nothing behind it is committed
    over = asyncio.Event()

    async def hang(_: web.Request) -> web.StreamResponse:
        await over.wait()
        return web.Response()

    begun = asyncio.Event()

    async def once_begun(_: web.Request) -> web.StreamResponse:
        await begun.wait()
        return web.Response()

    async with receiver(once_begun) as received, receiver(hang) as slow:
        await world.put_channel(webhook(received.url))
        await world.put_channel(webhook(slow.url, "slow"))
        notifier = world.start()
        await world.put(hung)
        await world.until(lambda: at_least(slow, 1))
        await world.put(first)
        await world.until(lambda: at_least(received, 1))
        async with world.transaction() as worker:
            await worker.send(second)
            begun.set()
            await world.until_told((first, ["delivered"]))
            before = await world.members()
            notifier.kill()
            again = world.start()

            async def taken_over() -> bool:
                now = await world.members()
                return bool(now) and not now.keys() & before.keys()

            await world.until(taken_over)
            await world.turns(again, 5)
            over.set()
        await world.until_told((first, ["delivered"]), (second, ["delivered"]), (hung, ["delivered"]))
        ids = [headers["webhook-id"] for headers in received.headers]
    assert ids == [first.id, second.id]


async def test_kafka_goes_away_while_an_attempt_is_under_way(registry_url: str, tmp_path: Path) -> None:
    begun, over = asyncio.Event(), asyncio.Event()

    async def slow(_: web.Request) -> web.StreamResponse:
        begun.set()
        await over.wait()
        return web.Response()

    first, second = notification("a"), notification("b")
    port, controller = free_port(), free_port()
    settings = Settings(
        data_dir=tmp_path,
        kafka=KafkaSettings(bootstrap_servers=f"127.0.0.1:{port}", topic_prefix="away.", partitions=1),
        registry=RegistrySettings(url=registry_url),
        notifier=NotifierSettings(allow=LOOPBACK, metrics_port=free_port(), timeout_s=60.0),
    )
    async with receiver(slow) as received:
        with broker(tmp_path, port, controller) as kafka:
            world = World(settings)
            await world.open()
            await world.put_channel(webhook(received.url))
            notifier = world.start()
            await world.put(first)
            await asyncio.wait_for(begun.wait(), 30)
            await world.close_producer()
            kafka.kill()
            kafka.wait()
        over.set()
        with broker(tmp_path, port, controller):
            await world.open()
            await world.put(second)
            await world.until_told((first, ["delivered"]), (second, ["delivered"]))
            assert notifier.stop() == 0
            await world.close()
    assert [headers["webhook-id"] for headers in received.headers] == [first.id, second.id]


async def test_a_receiver_that_comes_back_is_told_in_order(world: World) -> None:
    opened, resolved = opened_and_resolved()
    broken = True

    async def sometimes(_: web.Request) -> web.StreamResponse:
        return web.Response(status=500 if broken else 200)

    async with receiver(sometimes) as received:
        await world.put_channel(webhook(received.url))
        notifier = world.start()
        await world.put(opened, resolved)

        async def tried() -> bool:
            return len(received.bodies) >= 2

        await world.until(tried)
        # Another notifier goes on counting.
        notifier.kill()
        broken = False
        world.start()

        async def done() -> bool:
            found = await world.outcomes(opened, resolved)
            return [each[-1:] for each in found] == [["delivered"], ["delivered"]]

        await world.until(done)
    attempts = [each for each in await world.attempts() if each.notification_id == opened.id]
    numbers = [each.attempt for each in attempts]
    assert numbers == sorted(set(numbers))
    assert {each.outcome for each in attempts[:-1]} == {"retrying"}
    ids = [headers["webhook-id"] for headers in received.headers]
    assert ids[-1] == resolved.id
    assert set(ids[:-1]) == {opened.id}


async def test_what_is_refused_becomes_a_dead_letter(world: World) -> None:
    opened, resolved = opened_and_resolved()
    unknown = notification("h", rule_id="other", channels=("nowhere",))
    quick = world.settings.notifier.model_copy(update={"give_up_s": 1.0})
    async with receiver(status(400, "no")) as received:
        await world.put_channel(webhook(received.url, give_up_s=3600.0))
        world.start(world.settings.model_copy(update={"notifier": quick}))
        await world.put(opened, resolved, unknown)
        await world.until_told((opened, ["refused"]), (resolved, ["refused"]))

        async def given_up() -> bool:
            (found,) = await world.outcomes(unknown)
            return found[-1:] == ["gave_up"]

        await world.until(given_up)
    letters = await world.letters()
    assert sorted(letter.detail for letter in letters) == [
        "channel nowhere: no channel is called nowhere",
        "channel ops: no",
        "channel ops: no",
    ]
    assert {letter.reason for letter in letters} == {"undeliverable"}


async def test_bytes_that_nobody_can_read_stop_nothing(world: World) -> None:
    opened, _ = opened_and_resolved()
    async with receiver() as received:
        await world.put_channel(webhook(received.url))
        await world.put_bytes(b"\x00\x00")
        world.start()
        await world.put(opened)
        await world.until_told((opened, ["delivered"]))
    assert [letter.reason for letter in await world.letters()] == ["decode"]


async def test_a_channel_that_is_disabled_or_deleted_is_told_nothing(world: World) -> None:
    first = notification("a")
    second = notification("b", channels=("gone",))
    async with receiver() as received:
        await world.put_channel(webhook(received.url, enabled=False))
        await world.put_channel(webhook(received.url, "gone"))
        await world.delete_channel("gone", 2)
        world.start()
        await world.put(first, second)
        await world.until_told((first, ["dropped"]), (second, ["dropped"]))
        assert received.bodies == []
    assert await world.letters() == []


async def test_several_notifiers_share_the_partitions_and_one_takes_over(world: World) -> None:
    rules = [f"rule{number}" for number in range(8)]
    async with receiver() as received:
        await world.put_channel(webhook(received.url))
        first = world.start()
        other = world.settings.notifier.model_copy(update={"metrics_port": free_port()})
        world.start(world.settings.model_copy(update={"notifier": other}))

        async def shared() -> bool:
            return await world.shares() == [1, 1]

        await world.until(shared)
        early = [notification(rule, 0, rule_id=rule) for rule in rules]
        await world.put(*early)
        await world.until_told(*((one, ["delivered"]) for one in early))
        first.kill()
        late = [notification(rule, 1, kind="resolved", rule_id=rule) for rule in rules]
        await world.put(*late)
        await world.until_told(*((one, ["delivered"]) for one in late))
        ids = [headers["webhook-id"] for headers in received.headers]
    assert sorted(ids) == sorted(one.id for one in (*early, *late))


async def test_after_a_long_outage_no_storm_of_what_is_over(world: World) -> None:
    """Two hours later: what is over is not told, what still holds is, and so is the end of what was told."""
    told_before = notification("before")
    over = opened_and_resolved("over")
    holds, newer = notification("holds"), notification("holds", 1, kind="updated")
    newest = notification("holds", 2, kind="updated")
    ended = notification("before", 1, kind="resolved")
    async with receiver() as received:
        await world.put_channel(webhook(received.url))
        first = world.start()
        await world.put(told_before)
        await world.until_told((told_before, ["delivered"]))
        first.stop()
        await world.put(*over, holds, newer, newest, ended)
        later = Clock(time.monotonic, lambda: time.time_ns() // 1000 + 2 * 3600 * 1_000_000)
        async with serving(world.settings, later):
            await world.until_told(
                (over[0], ["dropped"]),
                (over[1], ["dropped"]),
                (holds, ["delivered"]),
                (newer, ["dropped"]),
                (newest, ["delivered"]),
                (ended, ["delivered"]),
            )
        ids = [headers["webhook-id"] for headers in received.headers]
    assert sorted(ids) == sorted(one.id for one in (told_before, holds, newest, ended))
    assert ids.index(holds.id) < ids.index(newest.id)


async def test_a_notifier_that_joins_in_the_middle_repeats_nothing(world: World) -> None:
    every = [notification(f"g{number}", rule_id=f"rule{number % 8}") for number in range(200)]
    async with receiver() as received:
        await world.put_channel(webhook(received.url, rate_per_s=100))
        world.start()
        await world.put(*every[:100])
        other = world.settings.notifier.model_copy(update={"metrics_port": free_port()})
        world.start(world.settings.model_copy(update={"notifier": other}))
        await world.put(*every[100:])
        await world.until_told(*((one, ["delivered"]) for one in every))

        async def shared() -> bool:
            return await world.shares() == [1, 1]

        await world.until(shared)
        ids = [headers["webhook-id"] for headers in received.headers]
    assert sorted(ids) == sorted(one.id for one in every)


async def test_a_notifier_that_was_stopped_for_a_while_repeats_nothing(world: World) -> None:
    """SIGSTOP with a queue in hand; another takes over and sends it; SIGCONT."""
    every = [notification(f"g{number}") for number in range(60)]
    async with receiver() as received:
        await world.put_channel(webhook(received.url, rate_per_s=10))
        stopped = world.start()
        await world.put(*every)
        await world.until(lambda: at_least(received, 12))
        assert stopped.process.pid is not None
        os.kill(stopped.process.pid, signal.SIGSTOP)
        await world.put_channel(webhook(received.url), 2)
        other = world.settings.notifier.model_copy(update={"metrics_port": free_port()})
        world.start(world.settings.model_copy(update={"notifier": other}))

        async def everything() -> bool:
            found = await world.attempts()
            return len({each.notification_id for each in found if each.outcome == "delivered"}) == 60

        await world.until(everything)
        os.kill(stopped.process.pid, signal.SIGCONT)

        async def shared() -> bool:
            return await world.shares() == [1, 1]

        await world.until(shared)
        ids = [headers["webhook-id"] for headers in received.headers]
    assert set(ids) == {one.id for one in every}
    # What was under way when it was stopped may come again; of what was in its queue nothing does.
    assert len(ids) - len(set(ids)) <= world.settings.notifier.at_once


async def at_least(received: Received, number: int) -> bool:
    return len(received.bodies) >= number


async def test_a_replay_under_another_prefix_is_not_read(world: World) -> None:
    replayed, live = notification("a"), notification("b")
    prefix = world.settings.kafka.topic_prefix
    elsewhere = world.settings.kafka.model_copy(update={"topic_prefix": f"{prefix}replay."})
    other = World(world.settings.model_copy(update={"kafka": elsewhere}))
    await other.open()
    try:
        async with receiver() as received:
            await world.put_channel(webhook(received.url))
            await other.put(replayed)
            world.start()
            await world.put(live)
            await world.until_told((live, ["delivered"]))
            assert [headers["webhook-id"] for headers in received.headers] == [live.id]
    finally:
        await other.close()


async def test_more_than_fits_into_memory_waits_in_kafka(world: World) -> None:
    """Bodies of two are kept: the others are read again when it is their turn."""
    small = world.settings.notifier.model_copy(update={"bodies": 2, "waiting": 10})
    every = [notification(f"g{number}", text=f"text {number}") for number in range(30)]
    async with receiver() as received:
        await world.put_channel(webhook(received.url))
        await world.put(*every)
        world.start(world.settings.model_copy(update={"notifier": small}))
        await world.until_told(*((one, ["delivered"]) for one in every))
    texts = {body["data"]["text"] for body in received.documents}
    assert texts == {one.text for one in every}
    assert len(received.bodies) == 30


async def test_a_channel_that_changes_is_used_as_it_is_now(world: World) -> None:
    opened, resolved = opened_and_resolved()
    async with receiver() as old, receiver() as new:
        await world.put_channel(webhook(old.url))
        world.start()
        await world.put(opened)
        await world.until_told((opened, ["delivered"]))
        await world.put_channel(webhook(new.url), 2)
        await world.put_channel(webhook(old.url), 1)  # an older revision, late
        other = notification("h", rule_id="later")

        async def moved() -> bool:
            await world.put(other)
            return bool(new.bodies)

        await world.until(moved)
        await world.put(resolved)
        await world.until_told((resolved, ["delivered"]))
        assert new.documents[-1]["data"]["id"] == resolved.id


async def test_the_output_is_a_channel(world: World) -> None:
    one = notification(channels=("out",))
    await world.put_channel(parse({"id": "out", "kind": "stdout"}))
    world.start()
    await world.put(one)
    await world.until_told((one, ["delivered"]))
