"""Times and resolutions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.query.times import MOST_POINTS, POINTS, RESOLUTIONS, choose_resolution, parse_time

NOW = 1_763_700_000_000_000
HOUR = 3600 * 1_000_000


@pytest.mark.parametrize(
    ("text", "micros"),
    [
        ("now", NOW),
        ("-1h", NOW - HOUR),
        ("-90s", NOW - 90_000_000),
        ("-7d", NOW - 7 * 24 * HOUR),
        ("1763700000", NOW),
        ("1763700000.5", NOW + 500_000),
        ("2025-11-21T04:40:00Z", NOW),
        ("2025-11-21T05:40:00+01:00", NOW),
        ("2025-11-21T05:40:00 01:00", NOW),
        ("2025-11-21T04:40:00", NOW),
        ("2025-11-21", 1_763_683_200_000_000),
    ],
)
def test_times_as_people_write_them(text: str, micros: int) -> None:
    assert parse_time(text, NOW) == micros


@pytest.mark.parametrize(
    "text",
    ["", "yesterday", "-1", "1h", "-1y", "-99999w", "99999999999", "0001-01-01", "9999-12-31", "nan", "1e9"],
)
def test_other_texts_are_no_times(text: str) -> None:
    with pytest.raises(ValueError, match="not a time"):
        parse_time(text, NOW)


@given(st.text(max_size=30))
def test_any_text_is_a_time_or_a_clear_error(text: str) -> None:
    try:
        micros = parse_time(text, NOW)
    except ValueError:
        return
    assert micros >= 0


@given(st.integers(1, 40 * 365 * 24 * HOUR))
def test_auto_gives_no_more_points_than_a_chart_has_room_for(span: int) -> None:
    resolution = choose_resolution("auto", NOW, NOW + span)
    assert span / 1e6 / resolution <= POINTS or resolution == RESOLUTIONS["1d"]


def test_a_resolution_by_name() -> None:
    assert choose_resolution("5m", NOW, NOW + HOUR) == 300
    with pytest.raises(ValueError, match="none of auto"):
        choose_resolution("7s", NOW, NOW + HOUR)
    with pytest.raises(ValueError, match=str(MOST_POINTS)):
        choose_resolution("10s", NOW, NOW + 10_000 * HOUR)
