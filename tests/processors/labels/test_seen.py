"""Observations and alerts followed from opened to resolved, by arrival."""

from typing import Any

from processors.chain import Record
from processors.labels.seen import Watch
from schemas.events.alert import AlertOpened, AlertUpdated
from schemas.events.observation import ObservationOpened, ObservationResolved, ObservationUpdated
from schemas.topics import ALERTS, OBSERVATIONS, TELEMETRY
from tests.samples import T0, at, sample


def observation(kind: Any, second: float, **fields: Any) -> Record:
    usual: dict[str, Any] = dict.fromkeys(kind._fields, "") | {
        "observation_id": "o1", "node_id": "n1", "pattern": "thermal_drain", "severity": "warning",
        "peak_severity": "warning", "occurred_at": at(second - 3),
    }  # fmt: skip
    return Record(OBSERVATIONS, 0, "n1", kind(**{**usual, **fields}), at(second))


def alert(kind: Any, second: float, **fields: Any) -> Record:
    usual: dict[str, Any] = dict.fromkeys(kind._fields, "") | {
        "alert_id": "a1", "alert": "node_offline", "node_id": "", "peak_severity": "critical",
        "members": ("b", "a"),
    }  # fmt: skip
    return Record(ALERTS, 0, "f", kind(**{**usual, **fields}), at(second))


def test_from_opened_to_resolved() -> None:
    watch = Watch(T0)
    watch.take(Record(TELEMETRY, 0, "n1", sample(0), at(0)))
    watch.take(observation(ObservationOpened, 100, text="hot"))
    watch.take(alert(AlertOpened, 105))
    watch.take(observation(ObservationUpdated, 110, peak_severity="critical"))
    watch.take(observation(ObservationResolved, 200, peak_severity="critical", reason="cleared"))
    watch.take(alert(AlertUpdated, 300, members=("a", "b", "c")))
    one, two = watch.seen()
    assert (one.kind, one.id, one.node, one.text) == ("pattern", "thermal_drain", "n1", "hot")
    assert (one.opened_s, one.resolved_s, one.severity, one.reason) == (100, 200, "critical", "cleared")
    assert (two.kind, two.id, two.node) == ("alert", "node_offline", "")
    assert (two.opened_s, two.resolved_s, two.members) == (105, None, ("a", "b", "c"))
