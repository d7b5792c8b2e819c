"""Quiet hours by hand, through the days on which clocks change."""

from datetime import UTC, datetime

import pytest

from processors.rules.notify.quiet import quiet_until
from schemas.rule_document import Quiet


def us(text: str) -> int:
    """Return µs of a time in UTC."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000


def quiet(begin: str, end: str, zone: str = "UTC", **more: object) -> Quiet:
    return Quiet.model_validate({"from": begin, "to": end, "zone": zone, **more})


NIGHT = quiet("22:00", "06:00", "Europe/Paris")


@pytest.mark.parametrize(
    ("now", "until"),
    [
        # Winter: Paris is an hour ahead.
        ("2026-01-10T20:59:59", ""),
        ("2026-01-10T21:00:00", "2026-01-11T05:00:00"),
        ("2026-01-11T04:59:59", "2026-01-11T05:00:00"),
        ("2026-01-11T05:00:00", ""),
        # The night to 29 March 2026 has one hour less: 22:00 is 21:00 UTC, and 06:00 is 04:00 UTC.
        ("2026-03-28T21:00:00", "2026-03-29T04:00:00"),
        ("2026-03-29T04:00:00", ""),
        # The night to 25 October 2026 has one more: 22:00 is 20:00 UTC, and 06:00 is 05:00 UTC.
        ("2026-10-24T20:00:00", "2026-10-25T05:00:00"),
        ("2026-10-25T04:59:59", "2026-10-25T05:00:00"),
    ],
)
def test_a_night_in_paris(now: str, until: str) -> None:
    assert quiet_until([NIGHT], us(now)) == (us(until) if until else 0)


@pytest.mark.parametrize(
    ("begin", "end", "now", "until"),
    [
        # On 29 March 02:00 to 03:00 is left out: 02:30 is where 03:30 is, which is 01:30 UTC.
        ("02:30", "05:00", "2026-03-29T01:29:59", ""),
        ("02:30", "05:00", "2026-03-29T01:30:00", "2026-03-29T03:00:00"),
        # On 25 October 02:00 to 03:00 comes twice: it begins with the first, and ends with the second.
        ("02:15", "02:45", "2026-10-25T00:15:00", "2026-10-25T01:45:00"),
        ("02:15", "02:45", "2026-10-25T01:30:00", "2026-10-25T01:45:00"),
        ("02:15", "02:45", "2026-10-25T01:45:00", ""),
    ],
)
def test_hours_that_clocks_leave_out_or_repeat(begin: str, end: str, now: str, until: str) -> None:
    hours = quiet(begin, end, "Europe/Paris")
    assert quiet_until([hours], us(now)) == (us(until) if until else 0)


def test_days_are_those_on_which_the_hours_begin() -> None:
    hours = quiet("22:00", "06:00", days=["fri"])  # 2 January 2026 is a Friday
    assert quiet_until([hours], us("2026-01-02T05:00:00")) == 0
    assert quiet_until([hours], us("2026-01-03T05:00:00")) == us("2026-01-03T06:00:00")
    assert quiet_until([hours], us("2026-01-03T23:00:00")) == 0


def test_hours_that_follow_each_other_are_one() -> None:
    hours = [quiet("00:00", "12:00"), quiet("12:00", "18:00")]
    assert quiet_until(hours, us("2026-01-02T01:00:00")) == us("2026-01-02T18:00:00")


def test_the_same_time_twice_is_a_day_and_always_is_looked_at_again() -> None:
    until = quiet_until([quiet("00:00", "00:00")], us("2026-01-02T01:00:00"))
    assert until > us("2026-01-20T00:00:00")


def test_zones_that_are_not_whole_hours() -> None:
    hours = quiet("09:00", "10:00", "Asia/Kathmandu")  # 5:45 ahead
    assert quiet_until([hours], us("2026-01-02T03:15:00")) == us("2026-01-02T04:15:00")
    assert quiet_until([hours], us("2026-01-02T03:14:00")) == 0
