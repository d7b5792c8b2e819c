"""Requests that a router tries again elsewhere, and those that it gives up; the request stage sees both."""

from collections import Counter, defaultdict
from dataclasses import replace
from typing import Any, get_args

import pytest

from processors.stage import Arrived
from producers.simulator.engine import simulate
from producers.simulator.scenario.arrivals import Poisson
from producers.simulator.scenario.changes import Drain
from producers.simulator.scenario.faults import (
    AnyFault,
    EngineHang,
    NetworkPartition,
    NodeCrash,
    RuntimeCrash,
)
from producers.simulator.scenario.model import Scenario
from schemas.events.request_admitted import RequestAdmitted
from schemas.events.request_finished import Outcome, RequestFinished
from schemas.events.request_first_token import RequestFirstToken
from schemas.events.request_received import RequestReceived
from schemas.events.request_routed import RequestRouted
from tests.processors.requests.traffic import Replay
from tests.producers.simulator.scenes import T0, arrived, asked, h100, scene

MODEL = "llama-3.3-70b"
OUTCOMES = get_args(Outcome)
GONE: dict[str, Any] = {"nodes": ("gpu-1",), "at_s": 60.0, "duration_s": 60.0}


def fleet(*faults: AnyFault, attempts: int = 3, **more: Any) -> Scenario:
    nodes = h100(), h100("gpu-2"), h100("gpu-3")
    stream = asked(
        MODEL, "gpu-1", "gpu-2", "gpu-3", process=Poisson(6.0), output=60, patience_s=60.0, attempts=attempts,
    )  # fmt: skip
    return scene(*nodes, arrivals=[stream], faults=faults, duration_s=180.0, **more)


def facts(scenario: Scenario) -> dict[str, list[object]]:
    """Return the facts of each request in the order of the log."""
    found: dict[str, list[object]] = defaultdict(list)
    for fact in simulate(scenario):
        if fact.topic.name == "requests" and fact.key is not None:
            found[fact.key].append(fact.event)
    return found


def attempts(scenario: Scenario) -> list[list[RequestRouted]]:
    """Return the attempts of the requests that had several."""
    routed = [[one for one in told if isinstance(one, RequestRouted)] for told in facts(scenario).values()]
    return [one for one in routed if len(one) > 1]


FAULTS: dict[str, AnyFault] = {
    "refuses": RuntimeCrash(**GONE),
    "crashed": NodeCrash(**GONE),
    "cut off": NetworkPartition(**GONE),
    "hangs": EngineHang(**GONE, answers=False),
}


@pytest.mark.parametrize("what", FAULTS)
def test_what_a_dead_node_was_asked_is_tried_again_elsewhere(what: str) -> None:
    several = attempts(fleet(FAULTS[what]))
    assert several
    for first, second in several:
        assert (first.node_id, first.attempt, first.previous_node_id) == ("gpu-1", 1, "")
        assert (second.attempt, second.previous_node_id) == (2, "gpu-1")
        assert second.node_id in ("gpu-2", "gpu-3")
        assert T0 + 60e6 <= first.occurred_at < T0 + 66e6
        waited_s = (second.occurred_at - first.occurred_at) / 1e6
        assert waited_s == pytest.approx(0.002 if what == "refuses" else 5.0, abs=1e-3)
        assert {one.node_id: bool(one.excluded) for one in second.candidates}["gpu-1"]
        assert second.places == len(second.candidates)


def test_one_that_is_tried_again_is_told_whole_and_in_order() -> None:
    for told in facts(fleet(FAULTS["crashed"])).values():
        routed = [one for one in told if isinstance(one, RequestRouted)]
        if len(routed) < 2:
            continue
        kinds = [type(one) for one in told]
        assert kinds[:4] == [RequestReceived, RequestAdmitted, RequestRouted, RequestRouted]
        assert kinds[4:] in ([RequestFirstToken, RequestFinished], [RequestFinished], [RequestFirstToken], [])
        ends = [one for one in told if isinstance(one, RequestFinished)]
        for end in ends:
            assert (end.attempts, end.node_id) == (2, routed[1].node_id)
            assert end.queue_wait_s == 0.0
            assert end.total_s == pytest.approx(end.upstream_s)
            if end.outcome == "completed":
                assert end.ttft_s > 5.0


def test_with_one_attempt_the_caller_is_told() -> None:
    scenario = fleet(FAULTS["crashed"], attempts=1)
    assert not attempts(scenario)
    lost = [one.event for one in arrived(scenario, RequestFinished) if one.event.outcome == "upstream_error"]
    assert lost
    assert {one.node_id for one in lost} == {"gpu-1"}
    spared = fleet(FAULTS["crashed"])
    late = [one.event for one in arrived(spared, RequestFinished) if one.event.outcome == "upstream_error"]
    assert not late


def test_the_rest_of_the_traffic_is_what_it_is_without() -> None:
    """Which node a request is sent to first, its lengths and its time do not depend on further attempts."""
    once, again = (arrived(fleet(FAULTS["crashed"], attempts=count), RequestRouted) for count in (1, 3))
    first = {one.event.request_id: one.event for one in again if one.event.attempt == 1}
    assert {one.event.request_id: one.event.node_id for one in once} == {
        id_: event.node_id for id_, event in first.items()
    }


def test_each_node_by_itself_tells_what_it_tells_in_the_whole() -> None:
    scenario = fleet(FAULTS["crashed"])
    whole = [fact.event for fact in simulate(scenario) if fact.topic.name == "requests" and fact.key]
    apart = [
        fact.event
        for name in ("gpu-1", "gpu-2", "gpu-3")
        for fact in simulate(scenario, nodes=[name])
        if fact.topic.name == "requests" and fact.key
    ]
    assert Counter(map(repr, apart)) == Counter(map(repr, whole))


def test_what_waits_for_too_long_is_given_up_by_the_router() -> None:
    drains = [Drain(nodes=("gpu-1",), at_s=30.0, duration_s=60.0)]
    stream = asked(MODEL, "gpu-1", output=60, patience_s=40.0, queue_patience_s=10.0)
    scenario = scene(h100(), arrivals=[stream], changes=drains, duration_s=120.0)
    ends = [one.event for one in arrived(scenario, RequestFinished)]
    late = [one for one in ends if one.outcome == "timed_out_queued"]
    assert len(late) > 20
    assert {one.outcome for one in ends} == {"timed_out_queued", "completed"}
    for one in late:
        assert one.queue_wait_s == one.total_s == pytest.approx(10.0, abs=0.01)
        assert (one.http_status, one.attempts, one.node_id, one.upstream_s) == (503, 0, "", 0.0)
    unhurried = replace(scenario, arrivals=(replace(stream, queue_patience_s=float("inf")),))
    assert {one.event.outcome for one in arrived(unhurried, RequestFinished)} == {
        "abandoned_queued", "completed",
    }  # fmt: skip


def test_the_request_stage_counts_both() -> None:
    drains = [Drain(nodes=("gpu-1", "gpu-2", "gpu-3"), at_s=100.0, duration_s=40.0)]
    scenario = fleet(FAULTS["crashed"], changes=drains)
    stream = replace(scenario.arrivals[0], queue_patience_s=10.0)
    replay = Replay()
    for fact in simulate(replace(scenario, arrivals=(stream,))):
        if fact.topic.name == "requests":
            replay.feed(Arrived(fact.event, fact.arrived_at, 0))
    whole = replay.panes("")
    others = [pane for name in ("gpu-2", "gpu-3") for pane in replay.panes(name)]
    for panes in (whole, others):
        assert sum(pane.retried for pane in panes) == len(attempts(scenario)) > 0
    assert sum(pane.timed_out_queued for pane in whole) > 20
    ended = sum(getattr(pane, outcome) for pane in whole for outcome in OUTCOMES)
    received = sum(pane.received for pane in whole)
    assert received == ended + whole[-1].open
