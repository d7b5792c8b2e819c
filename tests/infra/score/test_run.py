"""A scenario through everything: what is noticed follows from the physics, whoever shares the work."""

from dataclasses import replace

import pytest

from infra.score.every import score
from infra.score.run import run
from infra.score.share import PARTITIONS, divided
from producers.simulator.scenario.model import Scenario
from producers.simulator.scenario.read import read_text
from tests.producers.simulator.scenario.texts import sound

# Two boxes whose clocks are read every second; one of them loses its network for eight minutes.
AWAY = """\
duration: 16m
interval: 5s
nodes:
  - {name: "box-[1-2]", cpu: ryzen-7950x, memory: 64GB}
faults:
  - {kind: network_partition, node: box-2, at: 3m, for: 8m}
expect:
  - {alert: node_offline, node: box-2, opens: 7m..10m, resolves: 10m..13m}
allow:
  - {pattern: spool_backlog, node: box-2}
"""


@pytest.fixture(scope="module")
def away() -> Scenario:
    return read_text(AWAY, "away.yaml")


def test_a_node_that_is_away_is_noticed_and_so_is_its_return(away: Scenario) -> None:
    (scored,) = score([away], jobs=1)
    assert scored.verdict.lines == []
    assert scored.verdict.hits == {("alert", "node_offline"): 1}


def test_the_result_does_not_depend_on_who_shares_the_work(away: Scenario) -> None:
    alone, shared = run(away, jobs=1), run(away, jobs=2)
    assert alone.seen == shared.seen
    assert alone.stopwatch.judgements == shared.stopwatch.judgements
    assert alone.refused == shared.refused == []


def test_what_was_due_and_did_not_come_is_told(away: Scenario) -> None:
    calm = replace(away, faults=())
    (scored,) = score([calm], jobs=1)
    assert scored.verdict.lines == [
        "away:8: alert node_offline on box-2 is due to open 07:00..10:00: it did not"
    ]


def test_an_error_in_one_scenario_leaves_the_others(away: Scenario) -> None:
    broken = replace(away, name="broken", nodes=(replace(away.nodes[0], cpu="nothing"),))
    found = score([broken, away], jobs=1)
    assert [one.verdict.scenario for one in found] == ["away", "broken"]
    assert found[0].verdict.right
    assert "broken: " in found[1].verdict.lines[0]


def test_partitions_are_shared_out_once_each() -> None:
    for jobs in (1, 2, 3, 9):
        shares = divided(sound(), jobs)
        assert sorted(part for share in shares for part in share) == list(range(PARTITIONS))
        assert len(shares) == min(jobs, PARTITIONS)
