import pytest

from infra.bench.scoring import CASES, COLUMNS, measure, row


@pytest.mark.parametrize("count", CASES)
@pytest.mark.parametrize("equal", [True, False])
def test_every_case_is_measured(count: int, equal: bool) -> None:
    measured = measure(count, equal, rounds=20)
    assert len(measured.decisions_s) == 20
    assert len(row(count, equal, measured)) == len(COLUMNS)
