import math

from producers.baselines.job import SETTLE_S, due
from producers.baselines.question import facts

ROW = {"model": "m", "load": "4", "day_panes": 10, "day_wes": 1.5, "week_panes": 0, "week_wes": None}


def test_the_same_rows_are_the_same_facts() -> None:
    (fact,) = facts("f", "node-1", 3600, [ROW])
    (again,) = facts("f", "node-1", 3600, [ROW])
    assert fact.id == again.id
    assert fact[1:9] == ("f", "node-1", "m", "4", 3600, 10.0, 1.5, 0.0)
    assert math.isnan(fact.week_wes)


def test_what_makes_a_fact_one_of_a_kind_is_in_its_id() -> None:
    changes = [{}, {"model": "n"}, {"load": "8"}]
    ids = {fact.id for change in changes for fact in facts("f", "node-1", 3600, [ROW | change])}
    ids |= {fact.id for fact in facts("f", "node-1", 7200, [ROW])}
    ids |= {fact.id for fact in facts("g", "node-1", 3600, [ROW])}
    assert len(ids) == 5


def test_an_hour_is_due_once_its_panes_have_settled() -> None:
    assert due(7200 + SETTLE_S, 3600) == 7200
    assert due(7200 + SETTLE_S - 0.1, 3600) == 3600
