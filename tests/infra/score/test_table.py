"""Scores, as people and programs read them."""

import json
import math

from infra.score.match import judge
from infra.score.table import COLUMNS, as_json, rows, scores
from tests.infra.score.seens import due, scenario, seen


def test_counts_ratios_and_totals() -> None:
    verdicts = [
        judge(scenario(due()), [seen()]),
        judge(scenario(due()), [seen(26), seen(40)]),
        judge(scenario(due()), []),
    ]
    table = scores(verdicts, [("pattern", "clock_drift"), ("alert", "node_offline")], {"thermal_drain": 12.5})
    assert [(one.kind, one.id) for one in table] == [
        ("pattern", "clock_drift"),
        ("pattern", "thermal_drain"),
        ("alert", "node_offline"),
        ("", "all"),
    ]
    drain, total = table[1], table[3]
    assert (drain.scenarios, drain.true_positives, drain.false_positives, drain.false_negatives) == (
        3,
        2,
        1,
        1,
    )
    assert (drain.precision, drain.recall, drain.f1) == (2 / 3, 2 / 3, 2 / 3)
    assert (drain.delay_p50_s, drain.delay_max_s, drain.judgement_us) == (300, 360, 12.5)
    assert (total.scenarios, total.f1) == (3, 2 / 3)
    assert rows(table)[1] == (
        "pattern thermal_drain", "3", "2", "1", "1", "0.667", "0.667", "0.667", "300 s", "360 s", "12.5 µs",
    )  # fmt: skip
    assert all(len(row) == len(COLUMNS) for row in rows(table))


def test_nothing_is_no_number() -> None:
    (idle, total) = scores([], [("pattern", "clock_drift")], {})
    assert math.isnan(idle.f1)
    assert rows([idle])[0][5:] == ("",) * 6
    assert json.loads(json.dumps(as_json([total]), allow_nan=False))[0]["f1"] is None
