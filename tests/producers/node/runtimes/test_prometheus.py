"""Metric pages, as they are written and as they should not be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.node.runtimes.prometheus import MOST_SERIES, Series, TooManySeries, parse


def values(page: str, *names: str) -> list[float]:
    return [series.value for series in parse(page, names)]


def test_labels_with_quotes_braces_and_commas() -> None:
    page = 'a{x="1",y="say \\"b\\", {now}"} 2 1712345678\n'
    assert parse(page, ["a"]) == (Series("a", {"x": "1", "y": 'say "b", {now}'}, 2.0),)


def test_only_the_metrics_asked_for() -> None:
    page = "# HELP a x\n# TYPE a gauge\na 1\nab 2\na_total 3\nb:a 4\n  a 5\nA 6\n"
    assert values(page, "a") == [1.0]
    assert values(page, "a", "a_total") == [1.0, 3.0]


def test_the_order_of_labels_makes_no_other_series() -> None:
    one, other = parse('a{x="1",y="2"} 1\na{y="2",x="1"} 1\n', ["a"])
    assert one.key == other.key


def test_a_line_that_is_cut_off_is_left_out_for_its_number_may_be_longer() -> None:
    assert values("a 1\na 12345", "a") == [1.0]
    assert values("a 1", "a") == []


@pytest.mark.parametrize(
    "bad",
    ["a{", 'a{x="1"', "a{x=1} 2", "a x", "a", "a  ", 'a{x="1} 2', "a 3 x", "a 0x10", "a NaN", "a 1e999"],
)
def test_a_bad_line_costs_itself_alone(bad: str) -> None:
    assert values(f"a 1\n{bad}\na 2\n", "a") == [1.0, 2.0]


def test_a_page_with_a_hundred_thousand_series_of_others() -> None:
    others = "".join(f'other_bucket{{engine="{n % 4}",le="{n}"}} {n}.0\n' for n in range(100_000))
    assert values(f"{others}a 7\n{others}", "a") == [7.0]


def test_a_hundred_thousand_series_of_what_is_asked_for_are_refused_before_they_are_parsed() -> None:
    with pytest.raises(TooManySeries, match="100000 series"):
        parse("".join(f'a{{x="{n}"}} 1\n' for n in range(100_000)), ["a"])
    assert len(parse("".join(f'a{{x="{n}"}} 1\n' for n in range(MOST_SERIES)), ["a"])) == MOST_SERIES


def test_a_page_in_another_encoding_says_nothing() -> None:
    page = "vllm:num_requests_running 3\n".encode("utf-16").decode("utf-8", "replace")
    assert parse(page, ["vllm:num_requests_running"]) == ()


@given(st.text(alphabet='ab{}=",\\ \t\n#0123456789.e+-xNIf', max_size=200))
def test_no_page_raises_anything_else(page: str) -> None:
    for series in parse(page, ["a", "b"]):
        assert series.name in ("a", "b")
