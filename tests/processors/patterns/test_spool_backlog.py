import pytest

from processors.patterns.pattern import Judgement
from processors.patterns.spool_backlog import SpoolBacklog, judge
from processors.windows.slot import Slot
from schemas.events.reading import NAN
from tests.slots import slot, window


def spool(*records: float, **readings: float) -> Judgement:
    found = list(records) if len(records) > 1 else list(records) * 12
    slots = [slot(index, spool_records=each, **readings) for index, each in enumerate(found)]
    return judge(window(120, slots), SpoolBacklog())


@pytest.mark.parametrize(("records", "holds"), [(60.0, True), (59.0, False), (0.0, False)])
def test_a_minute_of_samples_for_two_minutes(records: float, holds: bool) -> None:
    assert spool(records).holds is holds


def test_by_time_and_not_by_count() -> None:
    assert spool(300.0, expected=100.0).holds is False
    assert spool(30.0, expected=2.0).holds is True


def test_a_short_outage() -> None:
    assert spool(*[500.0] * 11, 0.0).holds is False
    assert spool(*range(0, 120, 10)).holds is False


def test_dropped_samples_are_critical() -> None:
    slots = [slot(index, spool_records=5.0, spool_dropped_total=9.0 * (index > 8)) for index in range(12)]
    found = judge(window(120, slots), SpoolBacklog())
    assert (found.holds, found.severity) == (True, "critical")
    assert "9 were dropped" in found.text


def test_the_count_begins_anew_with_the_agent() -> None:
    def make(index: int, after: float) -> Slot:
        new = index > 5
        boot, dropped = ("boot-b", after) if new else ("boot-a", 40.0)
        return slot(index, boot_id=boot, spool_dropped_total=dropped)

    def dropped(after: float) -> bool | None:
        return judge(window(120, lambda index: make(index, after)), SpoolBacklog()).holds

    assert dropped(0.0) is False
    assert dropped(1.0) is True


def test_unknown() -> None:
    assert spool(NAN).holds is None
