"""Choosing among nodes: what they tell, what is missing, what contradicts, what this router knows itself."""

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.router.fleet_chooser import FleetChooser
from api.router.scoring.decide import WANT
from api.router.scoring.policy import Policy
from api.router.seams import Absence, Choice, NoChoice
from api.router.upstream.inventory import Model
from schemas.codec import Codec
from schemas.errors import ConfigError
from schemas.events.node_state import GpuState, ModelState
from schemas.events.request_routed import RequestRouted
from schemas.settings import PolicySettings, RouterSettings, UpstreamSettings
from tests.api.router.knowing import (
    HOST,
    MODEL,
    Answers,
    Known,
    ask,
    available,
    decision,
    registered,
    running,
    runtime,
    state,
    stopped,
    us,
)

COLD: dict[str, Any] = {"kind": "ollama", "runtime_id": "ollama:11434"}


def two(**told: object) -> Known:
    known = Known()
    known.tell(registered("n1"), registered("n2"), state("n1"), state("n2", **told))
    return known


def test_a_node_that_registers_can_be_chosen_at_once_and_tells_its_places() -> None:
    known = Known()
    assert isinstance(known.chooser.choose(ask(), MODEL, frozenset()), NoChoice)
    known.tell(registered("n1", runtime("n1", slots=3.0)))
    found = known.choose()
    assert (found.upstream.id, found.upstream.node_id, found.upstream.slots) == ("n1/vllm:8000", "n1", 3)
    assert found.upstream.base_url == "http://n1:8000"
    assert known.chooser.slots(MODEL) == 3


def test_the_places_are_those_of_the_latest_state() -> None:
    known = Known()
    changes: list[int | None] = []
    known.chooser.listen(lambda: changes.append(known.chooser.slots(MODEL)))
    known.tell(registered("n1"), state("n1", runtimes=(running(slots=16.0),)))
    assert known.chooser.slots(MODEL) == 16
    assert changes[-1] == 16


def test_a_node_of_another_fleet_is_none_of_ours() -> None:
    known = Known()
    known.tell(registered("n1", fleet="other"))
    assert not known.chooser.knows(MODEL)


def test_equal_nodes_are_both_chosen_and_a_busy_one_is_not() -> None:
    assert two().nodes() == {"n1", "n2"}
    assert two(runtimes=(running(12.0),)).nodes() == {"n1"}


def test_requests_just_sent_count_before_any_state_tells_of_them() -> None:
    known = two()
    first = known.send("1")
    other = {"n1": "n2", "n2": "n1"}[first.upstream.node_id]
    assert known.nodes() == {other}
    known.end("1", first)
    assert known.nodes() == {"n1", "n2"}


def test_a_state_that_counts_our_own_requests_counts_them_once() -> None:
    known = two()
    sent = known.send("1")
    node = sent.upstream.node_id
    known.tell(state(node, runtimes=(running(1.0),)))
    found = decision(known.choose())
    index = [row.place.node_id for row in found.rows].index(node)
    assert found.busy[index] == pytest.approx(0.25)
    known.end("1", sent)
    known.tell(state(node, runtimes=(running(1.0),)))  # read before the end, told after it
    assert known.nodes() == {"n1", "n2"}


def test_a_burst_of_40_equal_requests_is_split_20_20() -> None:
    known = two()
    counts = {"n1": 0, "n2": 0}
    for number in range(40):
        counts[known.send(f"burst {number}").upstream.node_id] += 1
    assert abs(counts["n1"] - 20) <= 2


def test_two_routers_see_each_others_requests_through_the_states() -> None:
    one, other = two(), two()
    sent = [one.send(str(number)) for number in range(12)]
    here = sum(choice.upstream.node_id == "n1" for choice in sent)
    told = (state("n1", runtimes=(running(float(here)),)), state("n2", runtimes=(running(12.0 - here),)))
    one.tell(*told)
    other.tell(*told, registered("n3"), state("n3"))
    assert other.nodes() == {"n3"}
    busy = dict(zip(("n1", "n2"), decision(one.choose()).busy, strict=True))
    assert busy == {"n1": here / 4, "n2": (12 - here) / 4}  # its own, and nobody's twice


def test_a_node_whose_state_is_old_loses_weight_and_then_is_used_only_for_want_of_others() -> None:
    known = two()
    known.tell(state("n2"), ago_s=8)
    assert known.nodes() == {"n1"}
    known.tell(state("n1", runtimes=(running(40.0),)))
    assert known.nodes() == {"n2"}  # still better than one that is very busy
    known.tell(state("n2"), ago_s=30)
    assert known.nodes() == {"n1"}
    found = known.choose(excluded=frozenset({"n1/vllm:8000"}))
    assert (found.upstream.node_id, found.reason) == ("n2", WANT)


def test_a_node_without_any_state_is_used_after_one_that_tells() -> None:
    known = Known()
    known.tell(registered("n1"), registered("n2"), state("n2"))
    assert known.nodes() == {"n2"}
    assert known.choose(excluded=frozenset({"n2/vllm:8000"})).upstream.node_id == "n1"


def test_one_that_answers_and_whose_agent_says_otherwise_is_doubtful() -> None:
    known = two(runtimes=(running(status="down"),))
    for node in ("n1", "n2"):
        known.answers.say(f"{node}/vllm:8000", Model(MODEL, {}))
    assert known.nodes() == {"n1"}
    assert known.choose(excluded=frozenset({"n1/vllm:8000"})).reason == WANT


def test_one_that_does_not_answer_though_its_agent_says_it_is_up_comes_last() -> None:
    known = two(runtimes=(running(status="down"),))
    known.answers.fail("n1/vllm:8000")
    assert known.nodes() == {"n2"}


def test_a_node_of_which_nothing_is_heard_at_all_has_no_places_and_comes_back() -> None:
    known = Known()
    known.tell(registered("n1"))
    known.tell(state("n1"), ago_s=60)
    assert (known.node(), known.choose().reason) == ("n1", WANT)
    known.answers.fail("n1/vllm:8000")
    found = known.chooser.choose(ask(), MODEL, frozenset())
    assert isinstance(found, NoChoice)
    assert (found.absence, known.chooser.models()) == (Absence.AWAY, {})
    assert "n1: neither its agent nor itself was heard of lately" in found.reason
    assert known.chooser.knows(MODEL)
    known.tell(state("n1"))
    assert known.node() == "n1"


def test_a_node_that_stops_gets_nothing_more_and_what_it_has_may_end() -> None:
    known = two()
    sent = [known.send(str(number)) for number in range(4)]
    known.tell(stopped("n1"))
    assert known.nodes() == {"n2"}
    assert [one.node_id for one in known.chooser.upstreams()] == ["n2"]
    for number, choice in enumerate(sent):
        known.end(str(number), choice)
    known.tell(stopped("n2"))
    found = known.chooser.choose(ask(), MODEL, frozenset())
    assert isinstance(found, NoChoice)
    assert (found.absence, known.chooser.knows(MODEL)) == (Absence.AWAY, True)
    assert "its agent stopped" in found.reason
    known.tell(registered("n1", occurred_at=2**60))
    assert known.nodes() == {"n1"}


def test_what_can_be_used_nowhere_else_is_told_with_the_decision() -> None:
    known = two()
    known.tell(stopped("n2"))
    excluded = [one for one in decision(known.choose()).candidates() if one.excluded]
    assert [(one.node_id, one.excluded) for one in excluded] == [("n2", "its agent stopped")]


def test_a_loopback_address_is_used_on_its_own_machine_alone() -> None:
    known = Known()
    local = runtime("n1", url="http://127.0.0.1:8000")
    known.tell(registered("n1", local), registered("n2", local, hostname=HOST))
    assert known.nodes() == {"n2"}
    assert [one["node_id"] for one in known.chooser.withdrawn()] == ["n1"]


def test_a_list_works_without_agents_and_together_with_them() -> None:
    upstreams = (
        UpstreamSettings(
            url="http://n1:8000/v1", kind="vllm", name="mine", models=("llama=big",), key="secret"
        ),
        UpstreamSettings(url="http://away:1", kind="openai", name="lone", models=(MODEL,)),
    )
    known = Known(upstreams=upstreams)
    assert known.nodes() == {"mine", "lone"}
    known.tell(registered("n1"), state("n1", thermal_state="critical"), registered("n2"), state("n2"))
    assert {one.id: one.node_id for one in known.chooser.upstreams()} == {
        "mine": "n1",  # one server, by its address: named by the list, known by its node
        "lone": "lone",
        "n2/vllm:8000": "n2",
    }
    assert known.nodes() == {"lone", "n2"}
    only = known.choose(excluded=frozenset({"lone", "n2/vllm:8000"}))
    assert (only.upstream.key, only.model, only.served) == ("secret", "big", MODEL)
    known.tell(stopped("n1"))
    assert "mine" in {one.id for one in known.chooser.upstreams()}  # the list does not stop with an agent


def test_one_address_is_one_server_whoever_tells_of_it() -> None:
    known = Known()
    shared = runtime("n1", url="http://proxy:8000")
    known.tell(registered("n1", shared, occurred_at=us(2)), registered("n2", shared, occurred_at=us(1)))
    assert len(known.chooser.upstreams()) == 1


def test_a_cold_idle_node_beats_a_hot_one_that_is_busy_enough() -> None:
    known = Known()
    for node in ("hot", "cold"):
        known.tell(registered(node, runtime(node, available(size_bytes=2e9), **COLD)))
    hot = ModelState(MODEL, "ollama:11434", vram_bytes=2e9)
    loaded = {"runtimes": (running(1.0, **COLD),), "models": (hot,)}
    empty = {"runtimes": (running(0.0, **COLD),), "models": ()}
    known.tell(state("hot", **loaded), state("cold", **empty))
    assert known.nodes() == {"hot"}
    known.tell(state("hot", **{**loaded, "runtimes": (running(9.0, **COLD),)}))
    assert known.nodes() == {"cold"}


def test_the_next_request_goes_where_the_model_is_being_loaded_already() -> None:
    known = Known()
    for node in ("n1", "n2", "n3"):
        known.tell(registered(node, runtime(node, available(loaded=False), **COLD)))
        known.tell(state(node, runtimes=(running(**COLD),), models=()))
    first = known.send("1")
    assert known.nodes() == {first.upstream.node_id}


def test_who_has_just_answered_has_the_model_whatever_a_state_says() -> None:
    known = Known()
    known.tell(registered("n1", runtime("n1", available(loaded=False), **COLD)))
    known.tell(state("n1", runtimes=(running(**COLD),), models=()))
    assert not decision(known.choose()).rows[0].place.loaded
    known.end("1", known.send("1"))
    known.chooser.refresh()
    assert decision(known.choose()).rows[0].place.loaded


def test_a_fresh_state_knows_better_than_an_answer_what_is_loaded_and_an_old_one_does_not() -> None:
    known = Known()
    known.tell(registered("n1", runtime("n1", **COLD)))
    known.answers.say("n1/ollama:11434", Model(MODEL, {}, {"model": MODEL}, 4096))
    empty = state("n1", runtimes=(running(**COLD),), models=())
    known.tell(empty)
    assert not decision(known.choose()).rows[0].place.loaded
    known.tell(empty, ago_s=10)
    assert decision(known.choose()).rows[0].place.loaded


def test_a_node_that_is_quick_to_refuse_is_not_quick() -> None:
    known = two()
    before = decision(known.choose()).rows
    for number in range(20):
        choice = known.send(str(number))
        known.end(str(number), choice, tokens=None)
    known.chooser.refresh()
    assert [row.service_s for row in decision(known.choose()).rows] == [row.service_s for row in before]


def test_a_conversation_stays_where_it_was_while_there_is_room() -> None:
    known = two()
    first = known.send("1", session="s", stream=True)
    known.chooser.first_token(ask("1", session="s"), first)
    known.end("1", first)
    node = first.upstream.node_id
    known.chooser.refresh()
    assert known.nodes(session="s") == {node}
    assert known.nodes(session="other") == {"n1", "n2"}
    known.tell(state(node, runtimes=(running(30.0),)))
    assert known.nodes(session="s") == {"n1", "n2"} - {node}


def test_efficiency_is_remembered_while_a_node_is_idle() -> None:
    known = two()
    known.tell(state("n1", models=(ModelState(MODEL, "vllm:8000", wes=3.0),)))
    known.tell(state("n2", models=(ModelState(MODEL, "vllm:8000", wes=1.0),)))
    known.tell(state("n1"), state("n2"))
    assert math.isnan(state("n1").models[0].wes)
    assert known.nodes(goal="efficiency") == {"n1"}


def test_a_second_policy_is_asked_in_the_shadow() -> None:
    thrifty = PolicySettings(name="thrifty", goal="efficiency", efficiency_for_latency=50.0)
    known = Known(policies=(thrifty,), shadow_policy="thrifty")
    known.tell(registered("n1"), registered("n2"))
    known.tell(state("n1", models=(ModelState(MODEL, "vllm:8000", wes=3.0),)))
    known.tell(state("n2", models=(ModelState(MODEL, "vllm:8000", wes=1.0),)))
    found = {known.choose(str(n), goal="latency").upstream.node_id for n in range(12)}
    told = decision(known.choose(goal="latency")).explain()
    assert found == {"n1", "n2"}
    assert (told.policy, told.shadow_policy, told.shadow_node_id) == ("default", "thrifty", "n1")
    assert told.policy_version == Policy.of(PolicySettings()).version


def test_policies_that_do_not_fit_together_are_errors() -> None:
    with pytest.raises(ConfigError, match="no policy is called nobody"):
        Known(policy="nobody")
    with pytest.raises(ConfigError, match="no policy is called nobody"):
        Known(shadow_policy="nobody")
    with pytest.raises(ConfigError, match="are called twin"):
        Known(policies=(PolicySettings(name="twin"), PolicySettings(name="twin")))


def test_a_policy_of_the_name_of_the_built_in_one_takes_its_place() -> None:
    known = Known(policies=(PolicySettings(goal="balanced"),))
    known.tell(registered("n1"))
    assert decision(known.choose()).need.goal == "balanced"


def test_names_like_one_that_is_unknown_are_told() -> None:
    known = Known()
    known.tell(registered("n1"))
    found = known.chooser.choose(ask(), "lama", frozenset())
    assert isinstance(found, NoChoice)
    assert (found.absence, found.near) == (Absence.UNKNOWN, (MODEL,))


def test_while_the_nodes_are_first_read_any_model_may_be_there() -> None:
    assert not Known().chooser.knows("x")
    chooser = FleetChooser(RouterSettings(), Answers(), awaited=lambda: True)
    assert chooser.knows("x")
    found = chooser.choose(ask(), "x", frozenset())
    assert not isinstance(found, Choice)
    assert found.absence is Absence.AWAY


def test_a_decision_fits_the_event_that_records_it() -> None:
    known = two()
    known.tell(registered("n3"), stopped("n3"))
    told = decision(known.choose(session="s")).explain()
    event = RequestRouted(
        "r", "default", "router", 1, 1, "n1", "", "vllm:8000", MODEL, MODEL, "soonest", told.policy,
        told.policy_version, told.propensity, -1.0, told.shadow_policy, told.shadow_node_id, told.candidates,
    )  # fmt: skip
    codec = Codec({"request_routed": 7})
    again = codec.decode(codec.encode(event))
    assert repr(again) == repr(event)
    assert [one.node_id for one in told.candidates][2:] == ["n3"]


anything = st.floats(allow_nan=True, allow_infinity=True)


@settings(max_examples=60)
@given(
    st.lists(anything, min_size=14, max_size=14),
    st.one_of(
        st.text(max_size=30), st.sampled_from(["http://[", "http://n:0", "http://n:99999", "http://n:1"])
    ),
)
def test_nonsense_of_one_node_takes_no_request_from_the_others(values: list[float], url: str) -> None:
    a, b, c, d, e, f, g, h, i, j, k, l, m, n = values  # noqa: E741
    known = Known()
    odd = runtime("odd", available(size_bytes=a, context_length=b), url=url, slots=c)
    worked = running(d, requests_waiting=e, slots=f, kv_cache_ratio=g, probe_tokens_per_second=h)
    gpu = GpuState("g", "ok", "normal", memory_used_bytes=i, memory_total_bytes=j)
    loaded = ModelState(MODEL, "vllm:8000", wes=k, context_length=l)
    known.tell(registered("good"), state("good"), registered("odd", odd, interval_s=m))
    told = state("odd", runtimes=(worked,), models=(loaded,), gpus=(gpu,), memory_available_bytes=n)
    known.tell(told)
    for number in range(4):
        found = known.send(str(number), num_ctx=4096)
        assert math.isfinite(found.score)
        assert all(math.isfinite(cost) for cost in decision(found).costs)
    assert known.choose(excluded=frozenset({"odd/vllm:8000"})).upstream.node_id == "good"
