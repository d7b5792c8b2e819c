"""The answer of a backtest for programs; docs/backtest.md describes it. null: there is no value."""

import math
from collections.abc import Mapping
from typing import Any

from processors.replay.backtest.answer import Answer, Side
from processors.replay.backtest.diff import Pair
from processors.replay.backtest.fired import Fired
from processors.replay.backtest.labels import written
from processors.replay.backtest.totals import Total, Totals

VERSION = 1


def as_json(answer: Answer, *, most: int | None = None) -> dict[str, Any]:
    """Return all of it, or of every list the first ``most``; then ``cut`` is true."""
    question, diff = answer.question, answer.diff
    lists = [side.fired for side in answer.sides] + ([] if diff is None else [diff.gained, diff.lost])
    return {
        "version": VERSION,
        "source": answer.source,
        "from": written(question.since),
        "to": written(question.until),
        "read_from": written(answer.read_from),
        "judged": {"patterns": list(question.asked.patterns), "alerts": list(question.asked.alerts)},
        "nodes": answer.nodes,
        "panes": answer.panes,
        "unreadable": answer.unreadable,
        "notes": list(answer.notes),
        "cut": most is not None and any(len(each) > most for each in lists),
        "figures": {name: known(value) for name, value in figures(answer).items()},
        "new": _side(answer.new, most),
        "old": None if answer.old is None else _side(answer.old, most),
        "diff": None if diff is None else {
            "gained": [fired(one) for one in diff.gained[:most]],
            "lost": [fired(one) for one in diff.lost[:most]],
            "moved": [_pair(pair) for pair in diff.moved[:most]],
            "ended_otherwise": [_pair(pair) for pair in diff.ended_otherwise[:most]],
            "same": len(diff.same),
        },
        "recorded": None if answer.recorded is None else {
            "same": answer.recorded.same,
            "only_recorded": answer.recorded.only_recorded,
            "only_judged": answer.recorded.only_judged,
        },
    }  # fmt: skip


def figures(answer: Answer) -> Mapping[str, float]:
    """Return the figures that ``--fail-if`` can name; NaN where there is no value."""
    counts, diff = answer.new.counts, answer.diff
    return {
        "fired": float(len(answer.new.fired)),
        "gained": math.nan if diff is None else float(len(diff.gained)),
        "lost": math.nan if diff is None else float(len(diff.lost)),
        "moved": math.nan if diff is None else float(len(diff.moved)),
        "precision": math.nan if counts is None else counts.precision,
        "recall": math.nan if counts is None else counts.recall,
        "f1": math.nan if counts is None else counts.f1,
        "lead_time_s": answer.new.lead_s,
    }


def known(value: float) -> float | None:
    """Return a number, or None where there is none."""
    return None if math.isnan(value) else value


def fired(one: Fired) -> dict[str, Any]:
    """Return an observation or an alert; its times are those that its events say."""
    return {
        "kind": one.kind,
        "id": one.id,
        "node": one.node or None,
        "fleet": one.fleet,
        "members": list(one.members),
        "told_id": one.told_id,
        "onset_at": written(one.onset_at),
        "opened_at": written(one.opened_at),
        "ended_at": None if one.ended_at is None else written(one.ended_at),
        "reason": one.reason or None,
        "severity": one.severity,
        "text": one.text,
    }


def _side(side: Side, most: int | None) -> dict[str, Any]:
    counts = side.counts
    return {
        "rules": side.name,
        "digest": side.digest,
        "totals": [_totals(one) for one in side.totals],
        "fired": [fired(one) for one in side.fired[:most]],
        "labels": None if counts is None or side.verdict is None else {
            "true_positives": counts.true_positives,
            "false_positives": counts.false_positives,
            "false_negatives": counts.false_negatives,
            "precision": known(counts.precision),
            "recall": known(counts.recall),
            "f1": known(counts.f1),
            "lead_time_s": known(side.lead_s),
            "lines": side.verdict.lines[:most],
        },
    }  # fmt: skip


def _totals(one: Totals) -> dict[str, Any]:
    nodes = {name: _total(total) for name, total in one.nodes.items()}
    return {"kind": one.kind, "id": one.id, **_total(one.all), "nodes": nodes}


def _total(one: Total) -> dict[str, float]:
    return {"fired": one.fired, "seconds": one.seconds}


def _pair(pair: Pair) -> dict[str, Any]:
    return {
        "old": fired(pair.old),
        "new": fired(pair.new),
        "onset_s": pair.onset_s,
        "opened_s": pair.opened_s,
    }
