from typing import Any

import pytest

from processors.patterns.ecc_errors import EccErrors, judge
from processors.patterns.pattern import Judgement
from processors.windows.slot import HealthSlot, Slot
from schemas.events.reading import NAN
from tests.slots import health_slot, slot, window


def health(*reports: HealthSlot) -> Judgement:
    """The last panes of ten minutes have these reports, the others the first of them."""

    def make(index: int) -> Slot:
        place = max(0, index - (60 - len(reports)))
        one = reports[place]
        first = one if place or index == 60 - len(reports) else one._replace(xids=())
        return slot(index, health=(first,))

    return judge(window(600, make), EccErrors())


@pytest.mark.parametrize(("grown", "holds"), [(1.0, True), (0.0, False)])
def test_one_uncorrected_error_is_critical(grown: float, holds: bool) -> None:
    before = health_slot(ecc_uncorrected_volatile_total=7.0)
    found = health(before, before._replace(ecc_uncorrected_volatile_total=7.0 + grown))
    assert found.holds is holds
    assert found.severity == ("critical" if holds else "warning")


@pytest.mark.parametrize(("grown", "holds"), [(30.0, True), (29.0, False)])
def test_a_burst_of_corrected_errors(grown: float, holds: bool) -> None:
    before = health_slot(ecc_corrected_volatile_total=1e6)
    found = health(before, before._replace(ecc_corrected_volatile_total=1e6 + grown))
    assert found.holds is holds
    assert found.severity == "warning"


def test_old_errors_are_old() -> None:
    assert health(health_slot(ecc_uncorrected_volatile_total=12.0, retired_pages_total=3.0)).holds is False


def test_counters_begin_anew_with_the_driver() -> None:
    before = health_slot(ecc_uncorrected_volatile_total=7.0, ecc_corrected_volatile_total=5000.0)
    anew = health_slot()
    assert health(before, anew).holds is False
    assert health(before, anew, anew._replace(ecc_uncorrected_volatile_total=1.0)).holds is True
    assert health(before, anew._replace(ecc_corrected_volatile_total=31.0)).holds is True


@pytest.mark.parametrize(
    ("xid", "severity"),
    [(48, "critical"), (95, "critical"), (64, "critical"), (63, "warning"), (94, "warning")],
)
def test_xids_of_broken_hardware(xid: int, severity: str) -> None:
    found = health(health_slot(), health_slot(xids=(xid,)))
    assert (found.holds, found.severity) == (True, severity)
    assert f"XID {xid}" in found.text


@pytest.mark.parametrize("xid", [13, 31, 43, 45, 79])
def test_xids_of_programs_and_of_lost_accelerators(xid: int) -> None:
    assert health(health_slot(), health_slot(xids=(xid,))).holds is False


@pytest.mark.parametrize(
    "put_aside", [{"remapped_rows_pending": 1.0}, {"retired_pages_total": 1.0},
                  {"remapped_rows_uncorrectable_total": 1.0}],
)  # fmt: skip
def test_memory_put_aside(put_aside: dict[str, Any]) -> None:
    found = health(health_slot(), health_slot(**put_aside))
    assert (found.holds, found.severity) == (True, "warning")


def test_the_worst_of_several() -> None:
    one = health_slot("GPU-1", remapped_rows_pending=1.0)
    two = health_slot("GPU-2", xids=(48,))
    found = judge(
        window(600, lambda index: slot(index, health=(health_slot("GPU-0"), one, two))), EccErrors()
    )
    assert found.severity == "critical"
    assert found.subjects == ("GPU-1", "GPU-2")
    assert found.evidence[0].subject == "GPU-2"


def test_without_counters_unknown() -> None:
    none: dict[str, Any] = dict.fromkeys(
        ("ecc_corrected_volatile_total", "ecc_uncorrected_volatile_total"), NAN
    )
    assert health(health_slot(**none)).holds is None
    assert health(health_slot(**none), health_slot(**none, xids=(48,))).holds is True
    assert judge(window(600), EccErrors()).holds is None
