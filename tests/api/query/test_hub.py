"""Listeners of node states: filters, going on, and those that are too slow."""

import asyncio
import re
from collections.abc import AsyncGenerator

import orjson
import pytest

from api.metrics import ApiMetrics
from api.query.hub import KEPT, WAITING, Hub, Listener, read_position, write_position
from api.query.stream import DROPPED, events
from tests.api.states import state


def test_a_position_survives_being_written() -> None:
    assert write_position({1: 17, 0: 4}) == "0:4-1:17"
    assert read_position("0:4-1:17") == {0: 4, 1: 17}
    for text in ("x", "0", "0:1:2", "0:a", "-", "0:1-"):
        with pytest.raises(ValueError):  # noqa: PT011 - whatever the parts say
            read_position(text)


def test_a_listener_gets_what_it_wants() -> None:
    hub, listener = Hub(), Listener(node_id="n1", fleet="f1")
    hub.join(listener)
    for node_id, fleet in (("n1", "f1"), ("n2", "f1"), ("n1", "f2")):
        hub.publish(state(node_id, fleet=fleet), 0, len(listener.waiting))
    assert len(listener.waiting) == 1
    hub.leave(listener)
    hub.publish(state(), 0, 9)
    assert len(listener.waiting) == 1


def test_late_comers_get_the_latest_of_each_node() -> None:
    hub = Hub()
    for offset, node_id in enumerate(["n1", "n2", "n1"]):
        hub.publish(state(node_id, seq=offset), 0, offset)
    assert [(change.state.node_id, change.state.seq) for change in hub.since(None)] == [("n1", 2), ("n2", 1)]


def test_who_comes_back_gets_every_change_it_missed_and_none_twice() -> None:
    hub = Hub()
    for offset in range(5):
        hub.publish(state(seq=offset), 0, offset)
        hub.publish(state("n2", seq=offset), 1, offset)
    missed = [(change.partition, change.offset) for change in hub.since({0: 3, 1: 4})]
    assert missed == [(0, 3), (0, 4), (1, 4)]
    assert list(hub.since(dict(hub.position))) == []


def test_who_comes_back_too_late_gets_the_latest_of_what_changed() -> None:
    hub = Hub()
    hub.publish(state("old", seq=0), 0, 0)
    hub.publish(state("new", seq=0), 0, 1)
    for offset in range(2, KEPT + 10):
        hub.publish(state("new", seq=offset), 0, offset)
    assert [change.state.node_id for change in hub.since({0: 1})] == ["new"]
    assert len(list(hub.since({0: 9}))) == 1
    first_kept = KEPT + 10 - KEPT
    assert len(list(hub.since({0: first_kept}))) == KEPT


def test_a_slow_listener_is_dropped_and_the_others_are_not() -> None:
    hub, slow, quick = Hub(), Listener(), Listener()
    hub.join(slow)
    hub.join(quick)
    for offset in range(WAITING + 1):
        hub.publish(state(), 0, offset)
        quick.waiting.clear()
    assert slow.is_dropped
    assert not slow.waiting
    assert not quick.is_dropped


def test_a_deleted_node_is_forgotten() -> None:
    hub = Hub()
    hub.publish(state(), 0, 0)
    hub.forget("n1", 0, 1)
    assert list(hub.since(None)) == []
    assert hub.position == {0: 2}


async def _next(texts: AsyncGenerator[str, None]) -> str:
    return await asyncio.wait_for(anext(texts), 10)


@pytest.mark.asyncio
async def test_the_text_of_a_stream() -> None:
    hub, metrics = Hub(), ApiMetrics()
    hub.publish(state("n1"), 0, 0)
    hub.publish(state("n2"), 1, 4)
    texts = events(hub, Listener(), None, metrics)
    assert await _next(texts) == "retry: 2000\n\n"
    first, second = await _next(texts), await _next(texts)
    assert not first.startswith("id:")
    assert second.startswith("id: 0:1-1:5\nevent: node-state\ndata: {")
    assert first.endswith("}\n\n")
    hub.publish(state("n1", seq=2), 0, 1)
    third = await _next(texts)
    assert third.startswith("id: 0:2-1:5\n")
    found = re.search(r"data: (.*)\n", third)
    assert found
    assert orjson.loads(found.group(1))["seq"] == 2
    assert metrics.streams._value.get() == 1
    await texts.aclose()
    assert metrics.streams._value.get() == 0
    assert len(hub) == 0


@pytest.mark.asyncio
async def test_a_state_published_while_the_client_catches_up_comes_once() -> None:
    hub = Hub()
    hub.publish(state(seq=0), 0, 0)
    texts = events(hub, Listener(), None, ApiMetrics())
    await _next(texts)
    hub.publish(state(seq=1), 0, 1)
    caught_up, live = await _next(texts), await _next(texts)
    assert (caught_up.split("\n")[0], live.split("\n")[0]) == ("id: 0:1", "id: 0:2")


@pytest.mark.asyncio
async def test_a_slow_client_is_told_so_and_the_stream_ends() -> None:
    hub, metrics = Hub(), ApiMetrics()
    texts = events(hub, Listener(), None, metrics)
    await _next(texts)
    for offset in range(WAITING + 1):
        hub.publish(state(), 0, offset)
    assert await _next(texts) == DROPPED
    with pytest.raises(StopAsyncIteration):
        await _next(texts)
    assert metrics.dropped._value.get() == 1


@pytest.mark.asyncio
async def test_a_quiet_stream_has_a_heartbeat_and_ends_with_the_hub() -> None:
    hub = Hub()
    texts = events(hub, Listener(), None, ApiMetrics(), heartbeat_s=0.01)
    await _next(texts)
    assert await _next(texts) == ": heartbeat\n\n"
    hub.close()
    rest = [text async for text in texts]
    assert set(rest) <= {": heartbeat\n\n"}
