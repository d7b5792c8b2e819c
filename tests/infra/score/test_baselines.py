"""Baselines of a run are those that the job would have told."""

import math
from typing import Any

from infra.score.baselines import HOUR_US, SETTLE_US, Baselines
from processors.chain import Record
from schemas.events.node_summary import NodeSummary
from schemas.events.wes_baseline import WesBaseline
from schemas.topics import SUMMARIES

START = 500_000 * HOUR_US
PANE_US = 10_000_000


def summary(ended_at: int, wes: float, **fields: Any) -> Record:
    usual: dict[str, Any] = dict.fromkeys(NodeSummary._fields, math.nan) | {
        "node_id": "n1", "fleet": "f", "model": "m", "load": "4", "samples": 10.0, "live": 10.0,
    }  # fmt: skip
    event = NodeSummary(**{**usual, "occurred_at": ended_at, "wes": wes, **fields})
    return Record(SUMMARIES, 0, "f", event, ended_at)


def told(baselines: Baselines, now: int) -> list[WesBaseline]:
    return [record.event for record in baselines.due(now) if isinstance(record.event, WesBaseline)]


def test_an_hour_is_told_when_it_has_settled() -> None:
    baselines = Baselines()
    assert told(baselines, START + 1) == []
    baselines.take(summary(START + PANE_US, 2.0))
    baselines.take(summary(START + HOUR_US, 4.0))  # the end of the hour belongs to it
    baselines.take(summary(START + HOUR_US + PANE_US, 100.0))
    assert told(baselines, START + HOUR_US + SETTLE_US - 1) == []
    (found,) = told(baselines, START + HOUR_US + SETTLE_US)
    assert (found.node_id, found.model, found.load, found.occurred_at) == ("n1", "m", "4", START + HOUR_US)
    assert (found.day_panes, found.day_wes, found.week_panes) == (2, 3.0, 0)
    assert math.isnan(found.week_wes)
    assert told(baselines, START + HOUR_US + SETTLE_US) == []


def test_the_week_is_what_was_before_the_day() -> None:
    baselines = Baselines()
    told(baselines, START + 1)
    baselines.take(summary(START + PANE_US, 2.0))
    baselines.take(summary(START + 24 * HOUR_US + PANE_US, 6.0))
    last = told(baselines, START + 25 * HOUR_US + SETTLE_US)[-1]
    assert (last.day_panes, last.day_wes, last.week_panes, last.week_wes) == (1, 6.0, 1, 2.0)


def test_what_is_no_work_does_not_count() -> None:
    baselines = Baselines()
    told(baselines, START + 1)
    idle: list[dict[str, Any]] = [{"live": 8.0}, {"model": ""}, {"samples": 0.0}]
    for fields in idle:
        baselines.take(summary(START + PANE_US, 2.0, **fields))
    baselines.take(summary(START + PANE_US, math.nan))
    assert told(baselines, START + HOUR_US + SETTLE_US) == []
