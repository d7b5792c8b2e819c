"""Properties of the choice."""

import hashlib
import itertools
import marshal
import math
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.router.ask import Goal
from api.router.scoring import decide as deciding
from api.router.scoring.board import Load
from api.router.scoring.decision import MOST_CANDIDATES
from api.router.scoring.evidence import explained, from_plain
from api.router.scoring.place import Place, Speed
from schemas.events.reading import NAN
from tests.api.router.scoring.build import GB, POLICY, choose, chosen, condition, need, place, policy

maybe = st.one_of(st.just(NAN), st.floats(0.001, 10.0))
speeds = st.builds(
    Speed, maybe, maybe.map(lambda s: s / 100), maybe.map(lambda s: s / 10), maybe, maybe, st.just(0.0)
)
conditions = st.builds(
    condition,
    seen_s=st.floats(-60.0, 0.0),
    thermal=st.sampled_from(["unknown", "normal", "fair", "serious", "critical"]),
    hint=st.sampled_from(["clear", "monitor", "reduce_batch", "steer_away"]),
    memory_free_bytes=st.floats(0.0, 100 * GB),
    memory_total_bytes=st.just(50 * GB),
    down=st.booleans(),
    kv_cache_ratio=st.one_of(st.just(NAN), st.floats(0.0, 1.0)),
)
any_place = st.builds(
    place,
    condition=conditions,
    speed=speeds,
    loaded=st.booleans(),
    silent=st.booleans(),
    context=st.sampled_from([None, 2048, 8192]),
    most_context=st.sampled_from([None, 8192]),
    size_bytes=st.one_of(st.just(NAN), st.floats(GB, 80 * GB)),
    wes=maybe,
    wes_seen_s=st.floats(-600.0, 0.0),
)
any_places = st.lists(any_place, min_size=1, max_size=6).map(
    lambda found: [one._replace(upstream=f"u{n}", node_id=f"n{n}") for n, one in enumerate(found)]
)
any_loads = st.lists(
    st.builds(Load, st.integers(0, 20), st.sampled_from([None, 1, 4])), min_size=6, max_size=6
).map(lambda found: {f"u{n}": one for n, one in enumerate(found)})
ids = st.integers(0, 1000).map(str)
goals = st.sampled_from(Goal)


@given(any_places, any_loads, ids, goals, st.sets(st.integers(0, 5)))
def test_nothing_excluded_is_chosen_and_something_is_where_anything_is_left(
    places: list[Place], loads: dict[str, Load], id_: str, goal: Goal, out: set[int]
) -> None:
    excluded = frozenset(f"u{n}" for n in out)
    found = choose(places, loads, excluded=excluded, request_id=id_, goal=goal)
    left = {one.upstream for one in places} - excluded
    assert (found.chosen is not None) == bool(left)
    if left:
        assert chosen(found) in left
    assert {one.node_id for one in found.candidates() if one.excluded} == {
        one.node_id for one in places if one.upstream in excluded
    }


@given(any_places, any_loads, ids, goals, st.randoms(use_true_random=False))
def test_the_order_of_places_makes_no_difference(
    places: list[Place], loads: dict[str, Load], id_: str, goal: Goal, random: object
) -> None:
    shuffled = list(places)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis hands out a Random
    one, other = (choose(order, loads, request_id=id_, goal=goal) for order in (places, shuffled))
    assert chosen(one) == chosen(other)
    assert repr(one.explain()) == repr(other.explain())  # NaN is not equal to NaN


@given(any_places, any_loads, ids, goals)
def test_what_is_told_of_a_candidate_adds_up_to_what_it_was_chosen_by(
    places: list[Place], loads: dict[str, Load], id_: str, goal: Goal
) -> None:
    found = choose(places, loads, request_id=id_, goal=goal, num_ctx=4096)
    for one in found.candidates():
        assert sum(signal.score for signal in one.signals) == pytest.approx(one.score)
    assert found.candidates()[0].score == pytest.approx(found.score, abs=1e-4)
    assert 0.0 < found.propensity <= 1.0


@given(any_places, any_loads, ids, goals)
def test_the_facts_have_the_candidates_though_another_process_works_them_out(
    places: list[Place], loads: dict[str, Load], id_: str, goal: Goal
) -> None:
    found = choose(places, loads, request_id=id_, goal=goal, num_ctx=4096)
    sent = marshal.loads(marshal.dumps(found.evidence().plain()))
    told = explained(from_plain(sent))
    assert repr(told.candidates) == repr(found.candidates()[:MOST_CANDIDATES])  # NaN is not equal to NaN
    assert repr(told) == repr(found.explain())
    assert (told.policy, told.places) == (found.policy.name, len(places))


@given(any_place, goals, st.floats(0.0, 100.0))
def test_age_only_discounts(known: Place, goal: Goal, older_s: float) -> None:
    rival = place("z", wes=1.0, wes_seen_s=0.0)
    told = known.condition._replace(seen_s=known.condition.seen_s - older_s)
    aged = known._replace(condition=told, wes_seen_s=known.wes_seen_s - older_s)
    fresh_cost, aged_cost = (choose([one, rival], goal=goal).costs[0] for one in (known, aged))
    assert aged_cost >= fresh_cost - 1e-6


@pytest.mark.parametrize("count", [2, 3, 7])
def test_equals_are_chosen_evenly_by_the_requests_ids(count: int) -> None:
    places = [place(f"u{n}") for n in range(count)]
    found = [choose(places, request_id=f"request-{n}") for n in range(300)]
    counts = Counter(chosen(one) for one in found)
    assert len(counts) == count
    assert max(counts.values()) - min(counts.values()) < 300 / count * 0.6
    assert {one.propensity for one in found} == {1 / count}
    assert {one.reason for one in found} == {deciding.EVEN}


def test_the_same_request_goes_to_the_same_place_by_its_sha_256() -> None:
    places = [place(f"u{n}") for n in range(5)]
    for id_ in ("a", "b", "4f" * 16):
        wanted = int.from_bytes(hashlib.sha256(id_.encode()).digest()[:8], "big") % 5
        assert {chosen(choose(places, request_id=id_)) for _ in range(3)} == {f"u{wanted}"}


def test_a_burst_of_40_equal_requests_is_split_20_20() -> None:
    for slots in (1, 2, 64, None):
        sent = {"a": 0, "b": 0}
        for number in range(40):
            loads = {name: Load(count, slots) for name, count in sent.items()}
            sent[chosen(choose([place("a"), place("b")], loads, request_id=f"{slots} {number}"))] += 1
        assert abs(sent["a"] - 20) <= 2, slots


def test_an_almost_equal_place_that_is_less_busy_is_taken() -> None:
    found = choose(
        [place("a"), place("b", speed=place().speed._replace(decode_s=0.0101))],
        {"a": Load(1, 256), "b": Load(0, 256)},
    )
    assert (chosen(found), found.reason, found.propensity) == ("b", deciding.LEAST_BUSY, 1.0)


def test_among_equals_the_one_that_knows_the_conversation_is_taken_while_it_has_room() -> None:
    places = [place("a"), place("b")]
    for id_ in map(str, range(8)):
        found = choose(places, request_id=id_, saved={"b": 10.0})
        assert (chosen(found), found.reason) == ("b", deciding.KNOWN)
    assert chosen(choose(places, {"b": Load(4, 4)}, saved={"b": 10.0})) == "a"


def test_a_doubtful_place_is_used_only_for_want_of_others_however_slow_they_are() -> None:
    slow = place("slow", loaded=False, size_bytes=900 * GB, speed=Speed())
    hot = place("hot", condition=condition(thermal="critical"))
    assert chosen(choose([slow, hot], {"slow": Load(20, 1)})) == "slow"
    found = choose([slow, hot], excluded=frozenset({"slow"}))
    assert (chosen(found), found.reason) == ("hot", deciding.WANT)


def test_ranks_go_from_doubtful_to_silent_to_unfit() -> None:
    doubtful, silent = place("d", condition=condition(hint="steer_away")), place("s", silent=True)
    unfit = place("u", context=10, most_context=10)
    assert chosen(choose([unfit, silent, doubtful])) == "d"
    assert chosen(choose([unfit, silent])) == "s"
    assert chosen(choose([unfit])) == "u"


def test_nothing_to_choose_from_is_said() -> None:
    found = choose([place("a")], excluded=frozenset({"a"}))
    assert (found.chosen, found.node_id, found.reason) == (None, "", deciding.NOTHING)
    assert math.isnan(found.score)
    assert found.candidates()[0].excluded
    assert found.in_words() == deciding.NOTHING
    assert choose([]).chosen is None


def test_what_cannot_be_used_is_told_with_its_reason() -> None:
    from tests.api.router.scoring.build import board

    away = (("n9", "ollama:11434", "m", "its agent stopped"),)
    found = deciding.decide(board([place("a")]), need(), (), 0.0, away)
    assert [(one.node_id, one.excluded) for one in found.candidates()] == [
        ("node-a", ""),
        ("n9", "its agent stopped"),
    ]


def test_the_goal_decides_between_fast_and_thrifty() -> None:
    fast = place("fast", wes=0.5, wes_seen_s=0.0)
    thrifty = place("thrifty", wes=2.0, wes_seen_s=0.0, speed=Speed(0.1, 0.001, 0.02, 2.0, 10.0, 0.0))
    found = {goal: chosen(choose([fast, thrifty], goal=goal)) for goal in Goal}
    assert found[Goal.LATENCY] == "fast"
    assert found[Goal.EFFICIENCY] == "thrifty"
    even = [place("a", wes=1.0, wes_seen_s=0.0), place("b", wes=3.0, wes_seen_s=0.0)]
    assert {chosen(choose(even, goal=goal)) for goal in (Goal.BALANCED, Goal.EFFICIENCY)} == {"b"}


@settings(max_examples=20)
@given(st.integers(2, 5))
def test_exploring_reaches_every_place_as_often_as_is_said(count: int) -> None:
    by = policy(explore=0.5)
    places = [place(f"u{n}", speed=Speed(0.05, 0.0005, 0.01 * (n + 1), 1.0, 1.0, 0.0)) for n in range(count)]
    found = [choose(places, by=by, request_id=f"{count} {n}") for n in range(200)]
    counts = Counter(chosen(one) for one in found)
    assert set(counts) == {one.upstream for one in places}
    told = {chosen(one): one.propensity for one in found}
    assert sum(told.values()) == pytest.approx(1.0)
    assert counts["u0"] / 200 == pytest.approx(told["u0"], abs=0.15)


def test_words_tell_the_figures() -> None:
    told = choose([place("a"), place("b")], {"b": Load(8, 4)}).in_words()
    assert told.startswith("node-a: soonest; 1.00 s expected (decode 0.90 s, prefill 0.10 s); next node-b")
    assert "wait 1.75 s" in told


def test_the_version_of_a_policy_is_of_its_parameters() -> None:
    versions = [policy(), policy(name="other"), policy(tie_s=0.1)]
    assert versions[0].version == versions[1].version != versions[2].version
    assert len({one.version for one in versions}) == 2
    assert POLICY.version == policy().version
    assert all(len(one.version) == 12 for one, _ in itertools.product(versions, range(1)))
