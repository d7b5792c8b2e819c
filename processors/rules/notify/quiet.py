"""Quiet hours by the clock of a place.

Hours begin on the days that are named and may end on the next. Time zones come from the database that is
installed with Penstock, never from the machine's: a replay elsewhere must find the same hours. On the day on
which clocks go forward, a time that is left out counts as the same distance after the change; on the day on
which they go back, hours begin at the first and end at the second of two equal times.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache
from importlib import resources
from zoneinfo import ZoneInfo

from schemas.rule_document import DAYS, Quiet

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_DAY = timedelta(days=1)
# Hours that follow each other without end are looked at again after so many.
MOST_HOURS = 32


def quiet_until(quiet: Iterable[Quiet], at: int) -> int:
    """Return when the quiet hours in which a moment lies are over, µs; 0: it lies in none."""
    hours, until = tuple(quiet), at
    for _ in range(MOST_HOURS):
        ends = [end for each in hours for begin, end in _around(each, until) if begin <= until < end]
        if not ends:
            break
        until = max(ends)
    return until if until > at else 0


def _around(quiet: Quiet, at: int) -> Iterator[tuple[int, int]]:
    """Yield the hours that began yesterday or begin today, by the day of the place."""
    zone = _zone(quiet.zone)
    today = (_EPOCH + at * _MICROSECOND).astimezone(zone).date()
    for day in (today - _DAY, today):
        if DAYS[day.weekday()] in quiet.days:
            yield _hours(quiet, day, zone)


def _hours(quiet: Quiet, day: date, zone: ZoneInfo) -> tuple[int, int]:
    begin, end = quiet.times()
    last = day if begin < end else day + _DAY
    first = datetime.combine(day, begin, zone)
    return _us(first), _us(datetime.combine(last, end, zone).replace(fold=1))


def _us(moment: datetime) -> int:
    # Subtracting within one zone would count by its clock; in UTC it counts time.
    return (moment.astimezone(UTC) - _EPOCH) // _MICROSECOND


@cache
def _zone(name: str) -> ZoneInfo:
    with resources.files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, name)
