"""Slack, PagerDuty and Alertmanager as their receivers see them, and a pipe that nobody reads."""

import json
import os
import sys
from typing import Any

import pytest

from schemas.channel_document import ChannelDocument, parse
from schemas.errors import ConfigError
from sinks.notify.channel import Receipt
from sinks.notify.channels import build
from sinks.notify.guard import ForbiddenError
from tests.sinks.notify.making import box, network, notification
from tests.sinks.notify.published import check
from tests.sinks.notify.receivers import Received, receiver, status

pytestmark = pytest.mark.asyncio
KEY = "0123456789abcdef0123456789abcdef"


async def sent(channel: ChannelDocument, *, test: bool = False, **changes: Any) -> Receipt:
    way = build(channel, box(), network())
    try:
        return await way.send(notification(**changes), test=test)
    finally:
        await way.close()


def plain_url(received: Received) -> str:
    return received.url.partition("?")[0]


async def test_slack() -> None:
    async with receiver() as received:
        channel = parse({"id": "s", "kind": "slack", "settings": {"webhook_url": received.url}})
        assert (await sent(channel)).verdict == "delivered"
    check("slack", received.documents[0])


async def test_slack_whose_address_is_a_secret() -> None:
    async with receiver(status(404, "no_service")) as received:
        channel = parse({"id": "s", "kind": "slack", "settings": {"webhook_url": received.url}})
        found = await sent(channel)
    assert (found.verdict, found.said) == ("refused", "no_service")
    assert received.url not in repr(channel)


async def test_pagerduty() -> None:
    async with receiver(status(202, '{"status":"success"}')) as received:
        channel = parse(
            {"id": "p", "kind": "pagerduty", "settings": {"routing_key": KEY, "url": plain_url(received)}}
        )
        for kind in ("opened", "resolved"):
            assert (await sent(channel, kind=kind)).verdict == "delivered"
    for body in received.documents:
        check("pagerduty", body)
    assert [body["event_action"] for body in received.documents] == ["trigger", "resolve"]
    assert {body["dedup_key"] for body in received.documents} == {"g1"}


async def test_a_test_of_pagerduty_resolves_itself() -> None:
    async with receiver(status(202)) as received:
        settings = {"routing_key": KEY, "url": plain_url(received)}
        await sent(parse({"id": "p", "kind": "pagerduty", "settings": settings}), test=True)
    assert [body["event_action"] for body in received.documents] == ["trigger", "resolve"]


async def test_alertmanager() -> None:
    async with receiver() as received:
        channel = parse({"id": "a", "kind": "alertmanager", "settings": {"url": plain_url(received)}})
        assert (await sent(channel)).verdict == "delivered"
    check("alertmanager", received.documents[0])


async def test_a_receiver_of_what_alertmanager_posts() -> None:
    secret = {"authorization": {"env": "NOTIFY_TOKEN"}}
    async with receiver() as received:
        settings = {"url": plain_url(received), "labels": {"team": "serving"}, **secret}
        document = {"id": "bot", "kind": "alertmanager-webhook", "settings": settings}
        way = build(parse(document), box(NOTIFY_TOKEN="Bearer hunter22"), network())
        for kind in ("opened", "updated", "reminder", "resolved"):
            assert (await way.send(notification(kind=kind), test=False)).verdict == "delivered"
        await way.close()
    for body in received.documents:
        check("alertmanager_webhook", body)
    assert [body["status"] for body in received.documents] == ["firing"] * 3 + ["resolved"]
    assert {body["receiver"] for body in received.documents} == {"bot"}
    assert {headers["authorization"] for headers in received.headers} == {"Bearer hunter22"}
    assert {headers["content-type"] for headers in received.headers} == {"application/json"}


async def test_a_test_of_what_alertmanager_posts_resolves_itself() -> None:
    async with receiver() as received:
        settings = {"url": plain_url(received)}
        await sent(parse({"id": "bot", "kind": "alertmanager-webhook", "settings": settings}), test=True)
    assert [body["status"] for body in received.documents] == ["firing", "resolved"]


@pytest.mark.parametrize("code", [429, 500, 503])
async def test_a_receiver_of_what_alertmanager_posts_in_trouble_is_tried_again(code: int) -> None:
    async with receiver(status(code, "Bearer hunter22", Retry_After="7")) as received:
        settings = {"url": plain_url(received), "authorization": "Bearer hunter22"}
        found = await sent(parse({"id": "bot", "kind": "alertmanager-webhook", "settings": settings}))
    assert (found.verdict, found.retry_after_s, found.said) == ("retry", 7.0, "***")


async def test_what_alertmanager_posts_goes_where_messages_may_go() -> None:
    for url in ("http://169.254.169.254/latest", "file:///etc/passwd", "http://10.0.0.1/in"):
        channel = parse({"id": "bot", "kind": "alertmanager-webhook", "settings": {"url": url}})
        with pytest.raises((ForbiddenError, ConfigError)):
            build(channel, box(), network())


async def test_a_pipe_that_nobody_reads_does_not_stop_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as end:
        monkeypatch.setattr(sys, "stdout", end)
        way = build(parse({"id": "o", "kind": "stdout"}), box(), network(timeout_s=0.1))
        first = await way.send(notification(), test=False)
        found = [first]
        while found[-1].verdict == "delivered":
            found.append(await way.send(notification(text="x" * 16_000), test=False))
        line = b""
        while not line.endswith(b"\n"):
            line += os.read(reading, 1)
        os.set_blocking(reading, False)
        await way.close()
        while True:
            try:
                os.read(reading, 1 << 20)
            except BlockingIOError:
                break
    os.close(reading)
    assert json.loads(line)["type"] == "notification.opened"
    assert (found[-1].verdict, found[-1].blocked) == ("retry", True)
