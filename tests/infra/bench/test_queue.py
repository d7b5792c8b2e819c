import pytest

from infra.bench.queue import CASES, COLUMNS, Case, measure, row


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.name}, {case.waiting}")
def test_a_queue_is_held_at_its_depth(case: Case) -> None:
    measured = measure(case, rounds=50)
    assert len(measured.releases_s) == len(measured.enters_s) == 50
    assert len(row(case, measured)) == len(COLUMNS)
