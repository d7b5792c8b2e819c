"""An alert once more: the summaries of its fleet through the fleet stage, each judgement kept."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from processors.fleet.alert import Fleet, FleetAlert, NodeAlert
from processors.fleet.catalog import ALERTS as ALERT_KINDS
from processors.fleet.stage import FleetStage, node_key
from processors.fleet.state import State
from processors.patterns.pattern import Judgement
from processors.patterns.rules import Rules
from processors.patterns.thresholds import Thresholds
from processors.replay.explain.explanation import Judged, Point
from processors.replay.explain.found import change_of
from processors.replay.explain.observation import AROUND_US, MINUTE_US
from processors.replay.explain.stretches import Stretches
from processors.replay.facts import Intake
from processors.replay.source import Source
from processors.stage import Arrived, Output, advance
from schemas.events.alert import Alert
from schemas.events.node_summary import NodeSummary
from schemas.ids import derived_id
from schemas.log_file import LogRecord
from schemas.topics import SUMMARIES

# Baselines of efficiency come once an hour, and into force five minutes later.
BASELINES_US: Final = 70 * MINUTE_US
# What records are called that a judgement stands on.
SUMMARIES_UNTIL: Final = "summaries from its onset until it opened"
_FALSE: Final = Judgement(False)


@dataclass(frozen=True, slots=True)
class AlertCase:
    """What is judged again: an alert of a fleet, ``opened`` by an event, and when that arrived.

    ``until``: log time up to which judgements are shown.
    """

    alert: NodeAlert | FleetAlert
    opened: Alert
    arrived_at: int
    until: int

    @property
    def shown_from(self) -> int:
        """From when judgements are shown; alerts are judged by the log's time."""
        return self.opened.onset_at - AROUND_US

    @property
    def since(self) -> int:
        """From when summaries are read."""
        return self.shown_from - BASELINES_US


def alert_of(name: str) -> NodeAlert | FleetAlert | None:
    """Return an alert by its id; None: this version has none of that name."""
    return next((each for each in ALERT_KINDS if each.id == name), None)


def judge_alert_again(source: Source, rules: Rules, case: AlertCase) -> Judged:
    """Fold the summaries and return every judgement of the alert about its subject, and what it told."""
    stage = FleetStage(rules, [case.alert.id])
    limits = rules.of_fleet(case.alert.id, case.alert.thresholds, fleet=case.opened.fleet)
    states: dict[str, State] = {}
    points: list[Point] = []
    said: list[Alert] = []
    stretches = Stretches()
    for record, event in _summaries(source, case):
        outputs = advance(states, stage, Arrived(event, record.arrived_at, record.partition))
        told = (each.event for each in outputs if isinstance(each, Output))
        said += [one for one in told if isinstance(one, Alert) and one.alert_id == case.opened.alert_id]
        if _is_of(event, case) and case.opened.onset_at <= event.passed_at <= case.opened.occurred_at:
            stretches.add(SUMMARIES_UNTIL, record)
        judgement, at = _judgement(case, states, event, limits, points)
        if judgement is not None and at >= case.shown_from:
            is_open = bool(said) and change_of(said[-1]) != "resolved"
            points.append(Point(at, judgement.holds, is_open, 1.0, judgement.evidence))
    return Judged(points, said, stretches.all())


def _judgement(
    case: AlertCase,
    states: Mapping[str, State],
    event: Any,  # noqa: ANN401 - any event of summaries
    limits: Thresholds,
    points: list[Point],
) -> tuple[Judgement | None, int]:
    """Return what the stage has just judged of the subject, and when; None: nothing."""
    opened = case.opened
    if isinstance(case.alert, NodeAlert):
        state = states.get(node_key(opened.fleet, opened.node_id))
        if not _is_of(event, case) or state is None:
            return None, 0
        return case.alert.judge(event, state.watched[0], limits), event.passed_at
    fleet = states.get(opened.fleet)
    if fleet is None or not fleet.judged_at or (points and fleet.judged_at <= points[-1].at):
        return None, 0
    members = {one.node_id: one for one in fleet.members}
    judged = case.alert.judge(Fleet(opened.fleet, fleet.judged_at, members), limits)
    ours = (each for subject, each in sorted(judged.items()) if _is_subject(subject, opened))
    return next(ours, _FALSE), fleet.judged_at


def _is_subject(subject: str, opened: Alert) -> bool:
    """Tell by the id: the event does not say which group of nodes it is about."""
    return derived_id("alert", opened.alert, opened.fleet, subject, opened.onset_at) == opened.alert_id


def _is_of(event: Any, case: AlertCase) -> bool:  # noqa: ANN401 - any event of summaries
    if not isinstance(event, NodeSummary) or event.fleet != case.opened.fleet:
        return False
    if case.opened.node_id:
        return event.node_id == case.opened.node_id
    return event.node_id in case.opened.members


def _summaries(source: Source, case: AlertCase) -> Iterator[tuple[LogRecord, Any]]:
    intake = Intake(source.codec(), {})
    for record in source.read([SUMMARIES], case.since, case.until):
        event = intake.read(record)
        other = isinstance(event, NodeSummary) and event.fleet != case.opened.fleet
        if event is not None and not other:
            yield record, event
