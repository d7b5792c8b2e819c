"""The engine: the same bytes for the same seed, nodes unknown to each other, whole stories of requests."""

import hashlib
import itertools
import math
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from producers.simulator.engine import simulate
from producers.simulator.scenario.arrivals import Bursts, Constant, Poisson
from producers.simulator.scenario.faults import (
    AnyFault,
    EngineHang,
    LogStall,
    LongPromptFlood,
    NetworkPartition,
    NodeCrash,
    RuntimeCrash,
)
from producers.simulator.scenario.model import Scenario
from schemas.codec.serde import decode_body, encode_body
from schemas.events.clock_tick import ClockTick
from schemas.events.node_registered import NodeRegistered
from schemas.events.node_sample import NodeSample
from schemas.events.request_admitted import RequestAdmitted
from schemas.events.request_finished import RequestFinished
from schemas.events.request_first_token import RequestFirstToken
from schemas.events.request_received import RequestReceived
from schemas.events.request_routed import RequestRouted
from tests.producers.simulator import scenes
from tests.producers.simulator.scenes import (
    T0,
    arrived,
    asked,
    clients,
    cpu_only,
    encoded,
    h100,
    llama,
    mac,
    rtx,
    scene,
)

REQUEST_EVENTS = (RequestReceived, RequestAdmitted, RequestRouted, RequestFirstToken, RequestFinished)


def mixed(seed: int = 7, duration_s: float = 90.0) -> Scenario:
    return scene(
        h100(), h100("gpu-2"), rtx(), llama(), mac(), cpu_only(),
        arrivals=[
            asked("llama-3.3-70b", "gpu-1", "gpu-2", process=Poisson(3.0), name="chat"),
            asked("qwen2.5-14b", "rtx-1", "mac-1", process=Bursts(30.0, 4, 3.0), name="dev"),
            clients("llama-3.1-8b", "llama-1", "cpu-1", count=3, think_s=2.0, name="loop", output=60),
        ],
        faults=[
            NodeCrash(nodes=("gpu-2",), at_s=40.0, duration_s=10.0),
            NetworkPartition(nodes=("rtx-1",), at_s=30.0, duration_s=20.0),
            EngineHang(nodes=("llama-1",), at_s=20.0, duration_s=10.0),
        ],
        duration_s=duration_s,
        seed=seed,
    )  # fmt: skip


def digest(scenario: Scenario) -> str:
    hashed = hashlib.sha256()
    for topic, key, arrived_at, body in encoded(simulate(scenario)):
        hashed.update(f"{topic} {key} {arrived_at} ".encode() + body)
    return hashed.hexdigest()


def test_the_same_seed_gives_the_same_bytes_in_any_process() -> None:
    code = (
        "from tests.producers.simulator.test_engine import digest, mixed\n"
        "print(digest(mixed(duration_s=45.0)))"
    )
    root = Path(__file__).resolve().parents[3]
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": hashseed}, cwd=root, check=True,
            capture_output=True, text=True,
        ).stdout.strip()
        for hashseed in ("1", "2")
    }  # fmt: skip
    assert outputs == {digest(mixed(duration_s=45.0))}
    assert digest(mixed(seed=8, duration_s=45.0)) not in outputs


def test_a_part_of_the_fleet_says_what_it_says_in_the_whole() -> None:
    whole = encoded(simulate(mixed()))
    one = encoded(simulate(mixed(), nodes=["rtx-1", "gpu-1"]))
    assert one == [fact for fact in whole if fact in set(one)]
    names = {"rtx-1", "gpu-1"}
    said = [fact for fact in simulate(mixed()) if getattr(fact.event, "node_id", "") in names]
    assert Counter(encoded(said)) - Counter(one) == Counter()


def test_facts_arrive_in_order_and_are_facts_like_any() -> None:
    facts = list(simulate(mixed()))
    arrivals = [fact.arrived_at for fact in facts]
    assert arrivals == sorted(arrivals)
    for name, fact in {type(fact.event).__name__: fact for fact in facts}.items():
        body = encode_body(fact.event)
        snake = "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")
        assert encode_body(decode_body(snake, body)) == body


def test_the_clock_ticks_for_every_topic_of_facts() -> None:
    ticks = [fact for fact in simulate(scene(rtx(), duration_s=60.0)) if isinstance(fact.event, ClockTick)]
    assert Counter(fact.topic.name for fact in ticks) == {"telemetry": 13, "requests": 13}
    assert all(fact.key is None for fact in ticks)


def test_samples_count_up_and_registrations_come_first() -> None:
    facts = [fact for fact in simulate(scene(h100(), duration_s=30.0)) if fact.key == "gpu-1"]
    assert [fact.topic.name for fact in facts[:3]] == ["nodes", "telemetry", "telemetry"]
    assert isinstance(facts[0].event, NodeRegistered)
    assert facts[0].event == facts[1].event
    seqs = [fact.event.seq for fact in facts if isinstance(fact.event, NodeSample)]
    assert seqs == list(range(30))


@pytest.mark.parametrize("interval_s", [0.2, 1.0, 5.0])
def test_samples_come_at_their_interval(interval_s: float) -> None:
    found = scenes.samples(scene(llama(), duration_s=40.0, interval_s=interval_s))
    assert len(found) == 40 / interval_s
    for before, after in itertools.pairwise(found):
        assert after.occurred_at - before.occurred_at == pytest.approx(interval_s * 1e6, abs=2)
        assert after.agent.monotonic_s - before.agent.monotonic_s == pytest.approx(interval_s)


def test_a_request_is_told_from_its_begin_to_its_end() -> None:
    stories = defaultdict(list)
    scenario = scene(h100(), arrivals=[asked("llama-3.3-70b", "gpu-1")], duration_s=120.0)
    for fact in simulate(scenario):
        if isinstance(fact.event, REQUEST_EVENTS):
            stories[fact.key].append(fact.event)
    whole = [events for events in stories.values() if len(events) == len(REQUEST_EVENTS)]
    assert len(whole) > 90
    for events in whole:
        assert tuple(map(type, events)) == REQUEST_EVENTS
        times = [event.occurred_at for event in events]
        assert times == sorted(times)
        finished = events[-1]
        assert isinstance(finished, RequestFinished)
        assert finished.outcome == "completed"
        assert 0 < finished.ttft_s < finished.total_s < 30
        assert finished.completion_tokens == 250


@pytest.mark.parametrize(
    "fault",
    [
        RuntimeCrash(nodes=("gpu-1",), at_s=30.0, duration_s=20.0),
        EngineHang(nodes=("gpu-1",), at_s=30.0, duration_s=40.0),
        EngineHang(nodes=("gpu-1",), at_s=30.0, duration_s=40.0, answers=False),
        NodeCrash(nodes=("gpu-1",), at_s=30.0, duration_s=30.0),
        NetworkPartition(nodes=("gpu-1",), at_s=30.0, duration_s=30.0),
        LogStall(nodes=(), at_s=30.0, duration_s=30.0),
    ],
    ids=lambda fault: type(fault).__name__,
)
def test_no_request_is_lost_or_finished_twice_whatever_happens(fault: AnyFault) -> None:
    scenario = scene(
        h100(), h100("gpu-2"),
        arrivals=[
            asked("llama-3.3-70b", "gpu-1", "gpu-2", process=Poisson(4.0), patience_s=20.0, name="open"),
            clients("llama-3.3-70b", "gpu-1", count=4, think_s=1.0, patience_s=20.0, name="loop"),
        ],
        faults=[fault],
        duration_s=150.0,
    )  # fmt: skip
    received, finished = Counter[str](), Counter[str]()
    for fact in simulate(scenario):
        if isinstance(fact.event, RequestReceived):
            received[fact.event.request_id] += 1
        elif isinstance(fact.event, RequestFinished):
            assert received[fact.event.request_id], "it was received before"
            finished[fact.event.request_id] += 1
    assert set(received.values()) == set(finished.values()) == {1}
    still_open = received.keys() - finished.keys()
    assert not finished.keys() - received.keys()
    assert len(still_open) < 25, "only those of the last seconds"


def outcomes(scenario: Scenario) -> Counter[str]:
    return Counter(one.event.outcome for one in arrived(scenario, RequestFinished))


def test_requests_in_hand_die_with_the_runtime_and_others_go_elsewhere() -> None:
    crash = RuntimeCrash(nodes=("gpu-1",), at_s=30.0, duration_s=60.0)
    stream = asked("llama-3.3-70b", "gpu-1", "gpu-2", process=Poisson(4.0))
    scenario = scene(h100(), h100("gpu-2"), arrivals=[stream], faults=[crash], duration_s=120.0)
    ended = outcomes(scenario)
    assert ended["upstream_died"] > 0, "they had tokens already"
    assert ended["upstream_error"] > 0, "the router did not know yet"
    went = [one.event for one in arrived(scenario, RequestRouted)]
    during = {event.node_id for event in went if T0 + 35e6 < event.occurred_at < T0 + 100e6}
    assert during == {"gpu-2"}


def test_without_any_node_the_router_holds_requests_as_long_as_clients_wait() -> None:
    crash = RuntimeCrash(nodes=("gpu-1",), at_s=20.0, duration_s=5.0)
    stream = asked("llama-3.3-70b", "gpu-1", process=Poisson(2.0), patience_s=30.0)
    scenario = scene(h100(), arrivals=[stream], faults=[crash], duration_s=240.0)
    ended = outcomes(scenario)
    assert ended["abandoned_queued"] > 10
    ended_well = [one.event for one in arrived(scenario, RequestFinished) if one.event.outcome == "completed"]
    waited = [event.queue_wait_s for event in ended_well]
    assert 5 < max(waited) <= 30


def test_a_hung_engine_gives_no_token_and_clients_leave() -> None:
    hang = EngineHang(nodes=("gpu-1",), at_s=30.0)
    stream = asked("llama-3.3-70b", "gpu-1", process=Poisson(2.0), patience_s=15.0)
    scenario = scene(h100(), arrivals=[stream], faults=[hang], duration_s=120.0)
    firsts = [one.event for one in arrived(scenario, RequestFirstToken)]
    assert all(event.occurred_at < T0 + 31e6 for event in firsts)
    assert outcomes(scenario)["client_abandoned"] > 100
    found = scenes.samples(scenario)
    stuck = scenes.at(found, 60).runtimes[0]
    assert stuck.status == "up"
    assert stuck.requests_running + stuck.requests_waiting > 10


def test_a_flood_of_long_prompts_makes_first_tokens_late() -> None:
    flood = LongPromptFlood(
        nodes=("gpu-1",), at_s=60.0, duration_s=60.0, model="llama-3.3-70b", rate_per_s=3.0,
        prompt_tokens=Constant(20_000), output_tokens=Constant(20),
    )  # fmt: skip
    stream = asked("llama-3.3-70b", "gpu-1", process=Poisson(2.0))
    scenario = scene(h100(), arrivals=[stream], faults=[flood], duration_s=120.0)
    firsts = [one.event for one in arrived(scenario, RequestFirstToken)]
    ttft = [(event.occurred_at, event.ttft_s) for event in firsts]
    before = [seconds for at, seconds in ttft if at < T0 + 60e6]
    during = [seconds for at, seconds in ttft if at > T0 + 90e6]
    assert sum(during) / len(during) > 10 * sum(before) / len(before)


def test_what_is_direct_is_known_to_the_runtime_alone() -> None:
    stream = asked("llama-3.3-70b", "gpu-1", through="direct")
    scenario = scene(h100(), arrivals=[stream], duration_s=60.0)
    assert not [fact for fact in simulate(scenario) if fact.topic.name == "requests" and fact.key]
    done = sum(
        one.requests_finished for sample in scenes.samples(scenario) for one in sample.runtimes
        if not math.isnan(one.requests_finished)
    )  # fmt: skip
    assert done > 40


def test_a_stalled_log_gets_everything_afterwards_in_order() -> None:
    stall = LogStall(nodes=(), at_s=30.0, duration_s=30.0)
    scenario = scene(llama(), faults=[stall], duration_s=120.0)
    arrivals = [(fact.arrived_at - T0) / 1e6 for fact in simulate(scenario)]
    assert not [second for second in arrivals if 30.1 < second < 60]
    told = [one.event for one in arrived(scenario, NodeSample)]
    assert [sample.seq for sample in told] == list(range(120))
    assert all(sample.spooled for sample in told if T0 + 31e6 < sample.occurred_at < T0 + 59e6)
    assert not told[-1].spooled
    ticks = [one.event.seq for one in arrived(scenario, ClockTick)]
    assert ticks == sorted(ticks)
