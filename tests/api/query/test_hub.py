"""Listeners of the stream: topics, filters, going on, and those that are too slow."""

import asyncio
import re
from collections.abc import AsyncGenerator

import orjson
import pytest

from api.metrics import ApiMetrics
from api.query.change import Change, Position, StreamTopic, read_position, write_position
from api.query.hub import KEPT, WAITING, Hub, Listener, Reset
from api.query.stream import DROPPED, events
from schemas.events.node_state import NodeState
from tests.api.findings import alert, alert_resolved, observation, resolved, updated
from tests.api.states import state

STATES: StreamTopic = "node-states"
OBSERVATIONS: StreamTopic = "observations"
ALERTS: StreamTopic = "alerts"
ALL: tuple[StreamTopic, ...] = (STATES, OBSERVATIONS, ALERTS)


def at(offsets: dict[int, int], topic: StreamTopic = "node-states") -> Position:
    return {(topic, partition): offset for partition, offset in offsets.items()}


def begun(hub: Hub, listener: Listener) -> Listener:
    hub.join(listener)
    hub.begin(listener, None)
    return listener


def changes(found: list[Change | Reset]) -> list[Change]:
    return [each for each in found if isinstance(each, Change)]


def test_a_position_survives_being_written() -> None:
    assert write_position(at({1: 17, 0: 4})) == "0:4-1:17"
    assert read_position("0:4-1:17") == at({0: 4, 1: 17})
    several: Position = {(ALERTS, 0): 3, (OBSERVATIONS, 2): 9, ("node-states", 1): 7}
    assert write_position(several) == "1:7-a0:3-o2:9"
    assert read_position(write_position(several)) == several
    assert read_position("") == {}
    for text in ("x", "0", "0:1:2", "0:a", "-", "0:1-", "z0:1", "o:1", "o0:²", "-1:5", "0:1" + "0" * 18):
        with pytest.raises(ValueError):  # noqa: PT011 - whatever the parts say
            read_position(text)


def test_a_listener_gets_what_it_wants() -> None:
    hub = Hub()
    listener = begun(hub, Listener(node_id="n1", fleet="f1"))
    for node_id, fleet in (("n1", "f1"), ("n2", "f1"), ("n1", "f2")):
        hub.publish(STATES, state(node_id, fleet=fleet), 0, len(listener.waiting))
    assert len(listener.waiting) == 1
    hub.leave(listener)
    hub.publish(STATES, state(), 0, 9)
    assert len(listener.waiting) == 1


def test_late_comers_get_the_latest_of_each_node() -> None:
    hub = Hub()
    for offset, node_id in enumerate(["n1", "n2", "n1"]):
        hub.publish(STATES, state(node_id, seq=offset), 0, offset)
    found = [change.event for change in changes(hub.since(None))]
    assert [(event.node_id, event.seq) for event in found if isinstance(event, NodeState)] == [
        ("n2", 1),
        ("n1", 2),
    ]


def test_who_comes_back_gets_every_change_it_missed_and_none_twice() -> None:
    hub = Hub()
    for offset in range(5):
        hub.publish(STATES, state(seq=offset), 0, offset)
        hub.publish(STATES, state("n2", seq=offset), 1, offset)
    missed = [(change.partition, change.offset) for change in changes(hub.since(at({0: 3, 1: 4})))]
    assert missed == [(0, 3), (0, 4), (1, 4)]
    assert hub.since(hub.position((STATES,))) == []


def test_who_comes_back_too_late_gets_the_latest_of_what_changed() -> None:
    hub = Hub()
    hub.publish(STATES, state("old", seq=0), 0, 0)
    hub.publish(STATES, state("new", seq=0), 0, 1)
    for offset in range(2, KEPT + 10):
        hub.publish(STATES, state("new", seq=offset), 0, offset)
    assert [change.event.node_id for change in changes(hub.since(at({0: 1})))] == ["new"]
    assert len(hub.since(at({0: 9}))) == 1
    first_kept = KEPT + 10 - KEPT
    assert len(hub.since(at({0: first_kept}))) == KEPT


def test_who_comes_back_without_one_partition_that_has_forgotten_is_too_late() -> None:
    hub = Hub()
    hub.publish(OBSERVATIONS, observation("far"), 1, 0)
    hub.publish(OBSERVATIONS, updated(observation("far")), 1, 1)
    for offset in range(KEPT):
        hub.publish(OBSERVATIONS, observation(f"o{offset}"), 0, offset)
    behind = {(OBSERVATIONS, 0): KEPT, (OBSERVATIONS, 1): 1}
    assert Reset(OBSERVATIONS) in hub.since(behind, (OBSERVATIONS,))
    assert hub.since({**behind, (OBSERVATIONS, 1): 2}, (OBSERVATIONS,)) == []


def test_a_new_client_gets_what_is_open_in_the_order_it_was_read() -> None:
    hub = Hub()
    over = observation("over")
    hub.publish(OBSERVATIONS, over, 0, 0)
    hub.publish(ALERTS, alert(), 0, 0)
    hub.publish(OBSERVATIONS, observation("open"), 1, 0)
    hub.publish(OBSERVATIONS, resolved(over), 0, 1)
    found = [change.key for change in changes(hub.since(None, ALL))]
    assert found == [alert().alert_id, observation("open").observation_id]
    assert [change.topic for change in changes(hub.since(None, (ALERTS,)))] == [ALERTS]


def test_a_topic_that_a_position_does_not_name_begins_anew() -> None:
    hub = Hub()
    hub.publish(STATES, state(), 0, 0)
    hub.publish(ALERTS, alert(), 0, 0)
    assert [change.topic for change in changes(hub.since(at({0: 1}), ALL))] == [ALERTS]


def test_who_missed_the_end_of_one_learns_it() -> None:
    hub = Hub()
    hub.publish(ALERTS, alert(), 0, 0)
    hub.publish(ALERTS, alert_resolved(alert()), 0, 1)
    (missed,) = changes(hub.since({(ALERTS, 0): 1}, ALL))
    assert type(missed.event).__name__ == "AlertResolved"


def test_a_position_of_another_log_is_reset() -> None:
    hub = Hub()
    hub.publish(ALERTS, alert(), 0, 0)
    reset, *standing = hub.since({(ALERTS, 0): 900}, (ALERTS,))
    assert reset == Reset(ALERTS)
    assert [change.key for change in changes(standing)] == [alert().alert_id]


def test_listeners_choose_their_topics_and_nodes() -> None:
    hub = Hub()
    both = begun(hub, Listener(topics=(OBSERVATIONS, ALERTS)))
    only = begun(hub, Listener(topics=ALL, node_id="n9"))
    hub.publish(STATES, state("n9"), 0, 0)
    hub.publish(OBSERVATIONS, observation(), 0, 0)
    hub.publish(ALERTS, alert(node_id="", members=("n1", "n9")), 0, 0)
    assert [change.topic for change in both.waiting] == [OBSERVATIONS, ALERTS]
    assert [change.topic for change in only.waiting] == ["node-states", ALERTS]


def test_what_the_reader_reads_again_after_a_restart_is_not_sent_again() -> None:
    hub, listener = Hub(), Listener()
    hub.join(listener)
    hub.begin(listener, at({0: 2}))
    for offset in range(3):
        hub.publish(STATES, state(seq=offset), 0, offset)
    assert [change.offset for change in listener.waiting] == [2]
    ahead = Listener()
    hub.join(ahead)
    hub.begin(ahead, at({0: 900}))
    hub.now_known()
    hub.publish(STATES, state(), 0, 3)
    assert len(ahead.waiting) == 1


def test_a_slow_listener_is_dropped_and_the_others_are_not() -> None:
    hub = Hub()
    slow, quick = begun(hub, Listener()), begun(hub, Listener())
    for offset in range(WAITING + 1):
        hub.publish(STATES, state(), 0, offset)
        quick.waiting.clear()
    assert slow.is_dropped
    assert not slow.waiting
    assert not quick.is_dropped


def test_a_deleted_node_is_forgotten() -> None:
    hub = Hub()
    hub.publish(STATES, state(), 0, 0)
    hub.forget("n1", 0, 1)
    assert hub.since(None) == []
    assert hub.position((STATES,)) == at({0: 2})


async def _next(texts: AsyncGenerator[str, None]) -> str:
    return await asyncio.wait_for(anext(texts), 10)


@pytest.mark.asyncio
async def test_the_text_of_a_stream() -> None:
    hub, metrics = Hub(), ApiMetrics()
    hub.publish(STATES, state("n1"), 0, 0)
    hub.publish(STATES, state("n2"), 1, 4)
    texts = events(hub, Listener(), None, metrics)
    assert await _next(texts) == "retry: 2000\n\n"
    first, second = await _next(texts), await _next(texts)
    assert not first.startswith("id:")
    assert second.startswith("id: 0:1-1:5\nevent: node-state\ndata: {")
    assert first.endswith("}\n\n")
    hub.publish(STATES, state("n1", seq=2), 0, 1)
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
    hub.publish(STATES, state(seq=0), 0, 0)
    texts = events(hub, Listener(), None, ApiMetrics())
    await _next(texts)
    hub.publish(STATES, state(seq=1), 0, 1)
    caught_up, live = await _next(texts), await _next(texts)
    assert (caught_up.split("\n")[0], live.split("\n")[0]) == ("id: 0:1", "id: 0:2")


@pytest.mark.asyncio
async def test_a_slow_client_is_told_so_and_the_stream_ends() -> None:
    hub, metrics = Hub(), ApiMetrics()
    texts = events(hub, Listener(), None, metrics)
    await _next(texts)
    for offset in range(WAITING + 1):
        hub.publish(STATES, state(), 0, offset)
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


@pytest.mark.asyncio
async def test_a_stream_of_all_topics_names_its_events_and_goes_on_in_each() -> None:
    hub = Hub()
    hub.now_known()
    hub.publish(STATES, state(), 2, 6)
    hub.publish(OBSERVATIONS, observation(), 0, 0)
    texts = events(hub, Listener(topics=ALL), None, ApiMetrics())
    await _next(texts)
    first, second = await _next(texts), await _next(texts)
    hub.publish(ALERTS, alert(), 0, 4)
    third = await _next(texts)
    assert first.startswith("event: node-state\n")
    assert second.startswith("id: 2:7-o0:1\nevent: observation\n")
    assert third.startswith("id: 2:7-a0:5-o0:1\nevent: alert\n")
    found = orjson.loads(third.split("data: ")[1])
    assert (found["id"], found["state"], found["change"]) == (alert().alert_id, "open", "opened")


@pytest.mark.asyncio
async def test_a_stream_of_findings_begins_once_it_is_known_what_is_open() -> None:
    hub = Hub()
    texts = events(hub, Listener(topics=(ALERTS,)), None, ApiMetrics(), heartbeat_s=0.01)
    hub.publish(ALERTS, alert("long over"), 0, 0)
    assert await _next(texts) == "retry: 2000\n\n"
    assert await _next(texts) == ": heartbeat\n\n"
    hub.publish(ALERTS, alert_resolved(alert("long over")), 0, 1)
    hub.publish(ALERTS, alert("open"), 0, 2)
    hub.now_known()
    text = await _next(texts)
    while text == ": heartbeat\n\n":
        text = await _next(texts)
    assert text.startswith("id: a0:3\nevent: alert\n")
    assert alert("open").alert_id in text


@pytest.mark.asyncio
async def test_a_stream_without_anything_open_says_where_it_stands() -> None:
    hub = Hub()
    hub.publish(ALERTS, alert(), 0, 0)
    hub.publish(ALERTS, alert_resolved(alert()), 0, 1)
    hub.now_known()
    texts = events(hub, Listener(topics=(ALERTS,)), None, ApiMetrics())
    await _next(texts)
    assert await _next(texts) == "id: a0:2\n\n"


@pytest.mark.asyncio
async def test_lost_changes_are_said_before_what_is_open() -> None:
    hub = Hub()
    hub.publish(OBSERVATIONS, observation(), 0, 0)
    hub.now_known()
    listener = Listener(topics=(OBSERVATIONS,))
    texts = events(hub, listener, {(OBSERVATIONS, 0): 70}, ApiMetrics())
    await _next(texts)
    assert await _next(texts) == 'event: reset\ndata: {"topic": "observations"}\n\n'
    assert (await _next(texts)).startswith("id: o0:1\nevent: observation\n")
