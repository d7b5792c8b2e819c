from collections.abc import Iterator

import pytest
from prometheus_client import generate_latest

from producers import metrics
from schemas.events.node_sample import CollectorReport, Suspect

NAME = "vllm:59999"


def lines(part: str) -> list[str]:
    return [line for line in generate_latest().decode().splitlines() if part in line]


@pytest.fixture
def counted() -> Iterator[None]:
    metrics.count_report(CollectorReport(NAME, "ok", "", 0.1, 0.2, 3.0, 1.0, 0.0))
    yield
    metrics.forget_collectors([NAME])


@pytest.mark.usefixtures("counted")
def test_collectors_that_are_gone_leave_no_series() -> None:
    assert f'penstock_agent_collector_runs_total{{collector="{NAME}",outcome="success"}} 3.0' in lines(NAME)
    metrics.forget_collectors([NAME, "never there"])
    assert lines(NAME) == []


def test_suspects_are_counted_by_why() -> None:
    def frozen() -> float:
        found = lines('penstock_agent_suspects_total{why="frozen"}')
        return float(found[0].split()[-1]) if found else 0.0

    before = frozen()
    metrics.count_suspects([Suspect("host.cpu_ratio", 0.5, "frozen"), Suspect("x", -1.0, "negative")])
    assert frozen() == before + 1
