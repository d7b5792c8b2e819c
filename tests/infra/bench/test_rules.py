import pytest

from infra.bench.rules import COLUMNS, Case, row


@pytest.mark.parametrize("case", [Case(40, 0), Case(40, 2)])
def test_a_case_is_measured(case: Case) -> None:
    assert len(row(case, nodes=5, rounds=3)) == len(COLUMNS)
