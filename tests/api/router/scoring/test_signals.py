"""Each signal at its boundaries."""

import math
from typing import Any

import pytest

from api.router.scoring import (
    affinity,
    answering,
    context_fit,
    decode,
    efficiency,
    freshness,
    hint,
    kv_headroom,
    load,
    memory_fit,
    prefill,
    thermal,
    wait,
)
from api.router.scoring.affinity import Trace
from api.router.scoring.efficiency import Standard
from api.router.scoring.place import UNKNOWN_CONDITION, UNKNOWN_SPEED, Speed
from api.router.scoring.service import service_s
from api.router.scoring.term import Rank
from schemas.events.reading import NAN
from tests.api.router.scoring.build import GB, POLICY, condition, place, policy

COLD: dict[str, Any] = {"loaded": False, "size_bytes": 4 * GB}


def test_a_loaded_model_costs_no_load() -> None:
    assert load.rate(place(), POLICY).fixed == 0.0


def test_a_load_takes_what_it_took_before_else_what_the_size_says_else_the_policy() -> None:
    assert load.load_s(place(**COLD), POLICY) == 10.0
    assert load.load_s(place(**COLD, speed=UNKNOWN_SPEED), POLICY) == 5.0
    assert load.load_s(place(loaded=False, speed=UNKNOWN_SPEED), POLICY) == POLICY.load_s


def test_a_load_under_way_costs_its_rest_and_another_copy_costs_more() -> None:
    assert load.rate(place(**COLD), POLICY).fixed == 15.0
    assert load.rate(place(**COLD, loading_s=0.0), POLICY).fixed == 10.0
    assert load.rate(place(**COLD, loading_s=4.0), POLICY).fixed == 6.0
    assert load.rate(place(**COLD, loading_s=40.0), POLICY).fixed == 0.0


def test_speeds_are_measured_ones_else_the_policys() -> None:
    assert prefill.rate(place(), POLICY)[1:5] == (2000.0, 0.05, 0.0005, 0.0)
    assert decode.rate(place(), POLICY).seconds(100, 90) == pytest.approx(0.9)
    unknown = place(speed=UNKNOWN_SPEED)
    assert prefill.rate(unknown, POLICY).seconds(100, 90) == pytest.approx(0.2)
    assert decode.rate(unknown, POLICY).seconds(100, 90) == pytest.approx(90 * POLICY.decode_s)
    assert service_s(unknown, POLICY) == pytest.approx(0.1 + 0.5 + 256 * 0.033)


def test_nothing_waits_while_a_place_is_free_then_turns_are_divided_by_places() -> None:
    calm = policy(contention=0.0)
    assert [wait.wait_s(n, 4, 2.0, calm) for n in (0, 3, 4, 7, 8)] == [0.0, 0.0, 0.5, 2.0, 2.5]
    assert wait.wait_s(1, 1, 2.0, calm) == 2.0
    assert wait.wait_s(4, None, 2.0, calm) == wait.wait_s(4, calm.unknown_slots, 2.0, calm)


def test_those_that_run_slow_each_other_down_up_to_a_share() -> None:
    assert wait.wait_s(2, 4, 2.0, POLICY) == pytest.approx(2.0 * 0.5 * 0.5)
    assert wait.wait_s(8, 4, 2.0, POLICY) == pytest.approx(2.0 * (5 / 4 + 0.5))


@pytest.mark.parametrize(
    ("free_gb", "seconds", "rank"),
    [(4.8, 0.0, Rank.GOOD), (4.79, 5.0, Rank.GOOD), (4.0, 5.0, Rank.GOOD), (3.99, 10.0, Rank.GOOD)],
)
def test_memory_that_is_tight_or_must_be_cleared_costs_part_of_a_load(
    free_gb: float, seconds: float, rank: Rank
) -> None:
    told = condition(memory_free_bytes=free_gb * GB, memory_total_bytes=24 * GB)
    found = memory_fit.rate(place(**COLD, condition=told), POLICY)
    assert (found.fixed, found.rank) == (seconds, rank)


def test_a_model_larger_than_the_memory_is_unfit_and_one_that_is_loaded_fits() -> None:
    small = condition(memory_free_bytes=3 * GB, memory_total_bytes=3.9 * GB)
    assert memory_fit.rate(place(**COLD, condition=small), POLICY).rank is Rank.UNFIT
    assert memory_fit.rate(place(size_bytes=4 * GB, condition=small), POLICY).rank is Rank.GOOD
    unknown = memory_fit.rate(place(loaded=False, condition=small), POLICY)
    assert (unknown.fixed, unknown.rank) == (0.0, Rank.GOOD)


@pytest.mark.parametrize(("used", "seconds"), [(NAN, 0.0), (0.8, 0.0), (0.9, 0.5), (1.0, 1.0), (1.2, 1.0)])
def test_a_cache_costs_from_where_it_is_nearly_full(used: float, seconds: float) -> None:
    found = kv_headroom.rate(place(condition=condition(kv_cache_ratio=used)), POLICY)
    assert found.fixed == pytest.approx(seconds)


def test_heat_costs_more_by_its_degree_and_critical_is_doubtful() -> None:
    found = [
        thermal.rate(place(condition=condition(thermal=state)), POLICY)
        for state in ("unknown", "normal", "fair", "serious", "critical")
    ]
    assert [term.fixed for term in found] == [0.0, 0.0, 0.05, 0.3, 1.0]
    assert [term.rank for term in found] == [Rank.GOOD] * 4 + [Rank.DOUBTFUL]


def test_hints_cost_more_by_their_degree_and_steer_away_is_doubtful() -> None:
    found = [
        hint.rate(place(condition=condition(hint=told)), POLICY)
        for told in ("clear", "monitor", "reduce_batch", "steer_away")
    ]
    assert [term.fixed for term in found] == [0.0, 0.05, 0.5, 1.0]
    assert [term.rank for term in found] == [Rank.GOOD] * 3 + [Rank.DOUBTFUL]


@pytest.mark.parametrize(
    ("age_s", "seconds", "rank"),
    [
        (0, 0, Rank.GOOD), (3, 0, Rank.GOOD), (9, 0.25, Rank.GOOD), (15, 0.5, Rank.GOOD),
        (15.1, 0.5, Rank.DOUBTFUL),
    ],
)  # fmt: skip
def test_a_node_loses_weight_as_its_state_ages(age_s: float, seconds: float, rank: Rank) -> None:
    found = freshness.rate(place(), POLICY, age_s)
    assert found.fixed == pytest.approx(seconds)
    assert (found.rank, found.value) == (rank, age_s)


def test_a_node_that_seldom_tells_is_given_more_time() -> None:
    seldom = place(condition=condition(interval_s=10.0))
    assert [freshness.rate(seldom, POLICY, age).fixed for age in (20.0, 30.0, 40.0)] == [0.0, 0.25, 0.5]
    assert freshness.rate(seldom, POLICY, 40.0).rank is Rank.GOOD
    assert freshness.rate(seldom, POLICY, 41.0).rank is Rank.DOUBTFUL


def test_a_first_state_that_has_not_come_counts_as_an_old_one_and_without_an_agent_none_is_awaited() -> None:
    waited = freshness.rate(place(condition=condition(seen_s=NAN)), POLICY, 100.0)
    assert (waited.fixed, waited.rank) == (0.5, Rank.GOOD)
    assert math.isnan(waited.value)
    assert freshness.rate(place(condition=UNKNOWN_CONDITION), POLICY, 100.0).fixed == 0.0


def test_who_does_not_answer_is_silent_and_contradiction_is_doubtful() -> None:
    assert answering.rate(place()).rank is Rank.GOOD
    assert answering.rate(place(silent=True)).rank is Rank.SILENT
    assert answering.rate(place(condition=condition(down=True))).rank is Rank.DOUBTFUL


def test_efficiency_is_a_share_of_the_time_by_how_much_better_the_best_is() -> None:
    against = efficiency.standard([place("a", wes=2.0), place("b", wes=1.0), place("c")])
    assert against == Standard(2.0, 0.5)
    found = {
        name: efficiency.rate(place(wes=wes, wes_seen_s=0.0), POLICY, 0.5, against, 0.0).seconds(100, 90)
        for name, wes in {"best": 2.0, "half": 1.0, "awful": 0.01, "unknown": NAN}.items()
    }
    assert found == pytest.approx({"best": 0.0, "half": 0.5, "awful": 1.5, "unknown": 0.25})


def test_an_advantage_in_efficiency_fades_and_a_disadvantage_stands() -> None:
    against = Standard(2.0, 0.5)
    half_life_s = POLICY.efficiency_half_life_s
    best, worst = place(wes=2.0, wes_seen_s=0.0), place(wes=1.0, wes_seen_s=0.0)
    assert efficiency.rate(best, POLICY, 1.0, against, half_life_s).seconds(100, 90) == pytest.approx(0.25)
    assert efficiency.rate(worst, POLICY, 1.0, against, half_life_s).seconds(100, 90) == pytest.approx(1.0)


def test_affinity_is_the_tokens_that_need_not_be_read_again() -> None:
    session, prefix = Trace("a", 0.0), Trace("b", 0.0)
    assert affinity.saved_tokens(1000, session, prefix, POLICY, 0.0) == {"a": 800.0, "b": 500.0}
    assert affinity.saved_tokens(1000, session, Trace("a", 0.0), POLICY, 300.0) == {"a": 400.0}
    assert affinity.saved_tokens(1000, None, None, POLICY, 0.0) == {}


def test_a_larger_context_than_is_loaded_costs_a_load_and_one_too_long_is_unfit() -> None:
    known = place(context=4096, most_context=8192)
    assert context_fit.rate(known, POLICY, 100, None).fixed == 0.0
    assert context_fit.rate(known, POLICY, 100, 4096).fixed == 0.0
    assert context_fit.rate(known, POLICY, 100, 4097).fixed == 10.0
    assert context_fit.rate(known, POLICY, 12_288, None).rank is Rank.GOOD
    assert context_fit.rate(known, POLICY, 12_289, None).rank is Rank.UNFIT
    assert (
        context_fit.rate(place(), POLICY, 10**9, 10**9)[2:] == context_fit.rate(place(), POLICY, 1, None)[2:]
    )


def test_a_place_whose_speed_is_zero_is_no_error() -> None:
    instant = place(speed=Speed(0.0, 0.0, 0.0, 0.0, 0.0, 0.0))
    assert (
        prefill.rate(instant, POLICY).seconds(10, 10) == decode.rate(instant, POLICY).seconds(10, 10) == 0.0
    )
