"""Counters to counts of samples: each in one sample and no other."""

import math
from math import nan

from hypothesis import given
from hypothesis import strategies as st

from producers.node.runtimes.deltas import Count, Differences, Totals
from schemas.events.node_sample import LoadedModel, RuntimeSample

BARE = RuntimeSample("vllm:8000", "vllm", "up", models=(LoadedModel("m"),))


def tokens(value: float, series: str = "g", model: str = "m") -> Count:
    return Count("generation_tokens", series, value, model)


def after(*pages: tuple[float, list[Count]]) -> RuntimeSample:
    totals = Totals()
    for now_s, counts in pages:
        totals.observe(now_s, counts)
    return totals.onto(BARE)


def test_the_first_page_is_the_ground() -> None:
    (sample,) = Differences().take([after((10.0, [tokens(5000)]))])
    assert math.isnan(sample.generation_tokens)
    assert math.isnan(sample.interval_s)


def test_what_was_counted_between_two_pages() -> None:
    (sample,) = Differences().take([after((10.0, [tokens(5000)]), (12.0, [tokens(5080)]))])
    assert (sample.generation_tokens, sample.interval_s) == (80.0, 2.0)
    assert sample.models[0].generation_tokens == 80.0
    assert math.isnan(sample.prompt_tokens), "it was never told"


def test_a_reading_that_two_samples_see_is_counted_once() -> None:
    differences, reading = Differences(), after((10.0, [tokens(0)]), (12.0, [tokens(80)]))
    first, second = differences.take([reading]), differences.take([reading])
    assert first[0].generation_tokens == 80.0
    assert math.isnan(second[0].generation_tokens)
    assert math.isnan(second[0].interval_s)
    assert math.isnan(second[0].models[0].generation_tokens)


def test_two_readings_between_two_samples_are_both_counted() -> None:
    totals, differences = Totals(), Differences()
    totals.observe(0.0, [tokens(0)])
    differences.take([totals.onto(BARE)])
    totals.observe(2.0, [tokens(10)])
    totals.observe(4.0, [tokens(30)])
    (sample,) = differences.take([totals.onto(BARE)])
    assert (sample.generation_tokens, sample.interval_s) == (30.0, 4.0)


def test_a_counter_that_went_back_is_another_process_and_its_first_page_is_no_news() -> None:
    reading = after((0.0, [tokens(100)]), (2.0, [tokens(150)]), (4.0, [tokens(140)]), (6.0, [tokens(145)]))
    (sample,) = Differences().take([reading])
    assert (sample.generation_tokens, sample.interval_s) == (55.0, 4.0), (
        "the two seconds in which it changed are not covered"
    )


def test_a_series_that_is_gone_is_another_process() -> None:
    reading = after(
        (0.0, [tokens(100, "a"), tokens(9, "b")]), (2.0, [tokens(5000, "a")]), (4.0, [tokens(5001, "a")])
    )
    (sample,) = Differences().take([reading])
    assert (sample.generation_tokens, sample.interval_s) == (1.0, 2.0)


def test_a_series_that_appears_was_zero() -> None:
    reading = after((0.0, [tokens(100, "a")]), (2.0, [tokens(100, "a"), tokens(7, "b", "lora")]))
    (sample,) = Differences().take([reading])
    assert sample.generation_tokens == 7.0


def test_a_counter_that_appears_after_the_first_sample_counts_from_zero() -> None:
    totals, differences = Totals(), Differences()
    totals.observe(0.0, [tokens(100)])
    totals.observe(2.0, [tokens(100)])
    differences.take([totals.onto(BARE)])
    totals.observe(4.0, [tokens(100), Count("preemptions", "p", 3.0)])
    (sample,) = differences.take([totals.onto(BARE)])
    assert sample.preemptions == 3.0


def test_a_restart_that_is_known_makes_a_new_ground_even_if_the_counter_is_higher() -> None:
    totals = Totals()
    totals.observe(0.0, [tokens(10)])
    totals.restart()
    totals.observe(60.0, [tokens(500)])
    (sample,) = Differences().take([totals.onto(BARE)])
    assert math.isnan(sample.generation_tokens)


def test_totals_that_began_anew_are_all_new() -> None:
    differences = Differences()
    differences.take([after((0.0, [tokens(0)]), (100.0, [tokens(900)]))])
    (sample,) = differences.take([after((0.0, [tokens(50)]), (2.0, [tokens(60)]))])
    assert (sample.generation_tokens, sample.interval_s) == (10.0, 2.0)


def test_a_sample_without_counts_between_loses_nothing() -> None:
    totals, differences = Totals(), Differences()
    totals.observe(0.0, [tokens(0)])
    totals.observe(2.0, [tokens(10)])
    differences.take([totals.onto(BARE)])
    (stale,) = differences.take([RuntimeSample("vllm:8000", "vllm", "error")])
    assert math.isnan(stale.generation_tokens)
    totals.observe(4.0, [tokens(15)])
    (sample,) = differences.take([totals.onto(BARE)])
    assert (sample.generation_tokens, sample.interval_s) == (5.0, 2.0)


def test_runtimes_that_are_never_seen_again_are_forgotten() -> None:
    differences = Differences()
    for port in range(10_000):
        differences.take([BARE._replace(runtime_id=f"llamacpp:{port}")])
    assert len(differences._last) <= 256  # memory is what is tested


polls = st.lists(st.integers(0, 50), min_size=1, max_size=30)


@given(polls, st.lists(st.booleans(), min_size=30, max_size=30))
def test_whenever_samples_are_taken_their_counts_add_up(steps: list[int], taken: list[bool]) -> None:
    totals, differences, counter, told = Totals(), Differences(), 1000.0, 0.0
    totals.observe(0.0, [tokens(counter)])
    for index, step in enumerate(steps):
        counter += step
        totals.observe(2.0 * (index + 1), [tokens(counter)])
        for _ in range(1 + taken[index]):
            if taken[index] or index == len(steps) - 1:
                (sample,) = differences.take([totals.onto(BARE)])
                told += 0.0 if math.isnan(sample.generation_tokens) else sample.generation_tokens
    assert told == counter - 1000.0


@given(st.lists(st.one_of(st.just(nan), st.floats(0, 1e9)), max_size=20))
def test_no_count_is_ever_negative(values: list[float]) -> None:
    totals, differences = Totals(), Differences()
    for index, value in enumerate(values):
        totals.observe(float(index), [] if math.isnan(value) else [tokens(value)])
        (sample,) = differences.take([totals.onto(BARE)])
        assert not sample.generation_tokens < 0
        assert not sample.models[0].generation_tokens < 0
