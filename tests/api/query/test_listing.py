"""Filters, cursors and pages of observations and alerts."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.query.finding import STATES, Finding, id_of
from api.query.listing import Filter, page, read_cursor, severities, states, write_cursor
from tests.api.findings import SECOND, alert, observation, resolved
from tests.api.states import T0

NOW = T0 + 600 * SECOND
OPEN = states("open")


def test_states_and_severities_as_people_write_them() -> None:
    assert states("open,resolved") == {"open", "resolved"}
    assert states(" dismissed ") == {"dismissed"}
    assert states("all") == set(STATES)
    assert severities("") == {"info", "warning", "critical"}
    assert severities("critical, info") == {"critical", "info"}
    for text in ("", "closed", "open,", "all,open", "OPEN"):
        with pytest.raises(ValueError, match="there are open, acknowledged, dismissed, resolved, all"):
            states(text)
    with pytest.raises(ValueError, match="'fatal' is no severity"):
        severities("fatal")


@pytest.mark.parametrize(
    ("wanted", "lets"),
    [
        (Filter(OPEN), True),
        (Filter(states("dismissed")), False),
        (Filter(OPEN, node_id="n1", fleet="f1", what="thermal_drain", severities={"warning"}), True),
        (Filter(OPEN, node_id="n2"), False),
        (Filter(OPEN, fleet="f2"), False),
        (Filter(OPEN, what="oom"), False),
        (Filter(OPEN, severities={"critical"}), False),
        (Filter(OPEN, first=NOW), True),
        (Filter(OPEN, last=T0 + 1), True),
        (Filter(OPEN, last=T0), False),
    ],
)
def test_what_a_filter_lets_through(wanted: Filter, lets: bool) -> None:
    assert wanted.lets(observation(), NOW) is lets


def test_one_that_is_over_stood_until_its_end() -> None:
    over = resolved(observation())
    assert Filter({"resolved"}, first=over.occurred_at).lets(over, NOW)
    assert not Filter({"resolved"}, first=over.occurred_at + 1).lets(over, NOW)
    assert Filter(OPEN, node_id="b").lets(alert(node_id="", members=("a", "b")), NOW)


def test_a_cursor_survives_being_written() -> None:
    found = observation()
    cursor = read_cursor(write_cursor(found))
    assert (cursor.onset_at, cursor.id) == (found.onset_at, id_of(found))


@pytest.mark.parametrize(
    "text", ["x", "é", "=", "AAAA", base64.urlsafe_b64encode(b"-5:a").decode(), "MTI6", "0" * 300]
)
def test_other_texts_are_no_cursors(text: str) -> None:
    with pytest.raises(ValueError, match="none of ours"):
        read_cursor(text)


@given(st.text(max_size=40))
def test_any_text_is_a_cursor_or_a_clear_error(text: str) -> None:
    try:
        cursor = read_cursor(text)
    except ValueError:
        return
    assert cursor.id


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 30)), max_size=25), st.integers(1, 7))
def test_pages_together_are_the_whole_list_once(made: list[tuple[int, int]], most: int) -> None:
    every: dict[str, Finding] = {}
    for onset, name in made:
        one = observation(str(name), onset_at=T0 + onset)
        every[id_of(one)] = one
    found: list[Finding] = []
    cursor = None
    while True:
        got, further = page(every.values(), (), cursor, most)
        found += got
        if further is None:
            break
        cursor = read_cursor(further)
    assert found == sorted(every.values(), key=lambda one: (-one.onset_at, id_of(one)))


def test_what_stands_is_newer_than_what_is_stored() -> None:
    over = resolved(observation())
    found, further = page([over], [observation()], None, 5)
    assert (found, further) == ([over], None)
