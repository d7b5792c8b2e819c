"""The fleet stage: summaries of nodes in, alerts out. Per fleet, never across fleets.

Each node is judged for itself with each of its summaries. Nodes are compared every ten seconds of log time,
when every partition has been folded that far: a summary stands right before the watermark it was written
with, so at that point all of them have been seen, and it makes no difference which partition was ahead. A
partition that is minutes behind the others is not waited for; its nodes are as they were, and not silent.
"""

from collections.abc import Collection, Iterable

from processors.fleet import lifecycle
from processors.fleet.alert import Fleet, FleetAlert, NodeAlert
from processors.fleet.baselines import with_new
from processors.fleet.catalog import FLEET_ALERTS, NODE_ALERTS
from processors.fleet.lifecycle import Moment
from processors.fleet.state import AlertLife, Mark, Member, State, Watched
from processors.patterns.pattern import Judgement
from processors.patterns.rules import Rules
from processors.patterns.thresholds import Thresholds
from processors.patterns.turning import SECOND_US, Timing
from processors.stage import Arrived, Output, Outputs, Rejected
from processors.state_codec import StateCodec
from schemas.codec import Event
from schemas.events.node_summary import NodeSummary
from schemas.events.node_tagged import NodeTagged
from schemas.events.operator_action import OperatorAction
from schemas.events.rule_changed import RuleChanged
from schemas.events.watermark import Watermark
from schemas.events.wes_baseline import WesBaseline
from schemas.topics import ALERTS, FLEET_STAGE_STATES, SUMMARIES, Topic

COMPARED_EVERY_US = 10 * SECOND_US
# A partition further behind than this is late, and not waited for.
LATE_US = 120 * SECOND_US
# As in the pattern stage: from then on a silent node is gone.
GONE_S = 300.0
FORGET_S = 30 * 24 * 3600.0
STORED_EVERY_US = 300 * SECOND_US
_NODE = "\x1f"
_FALSE = Judgement(False)
_CODEC = StateCodec(State)


class FleetStage:
    """Folds ``summaries`` into ``alerts``, by the given rules. ``only``: ids of the alerts; empty: all."""

    name = "fleet-stage"
    source: Topic = SUMMARIES
    states: Topic = FLEET_STAGE_STATES

    def __init__(self, rules: Rules | None = None, only: Collection[str] = ()) -> None:
        self._rules = rules or Rules()
        self._of_node = [alert for alert in NODE_ALERTS if not only or alert.id in only]
        self._of_fleet = [alert for alert in FLEET_ALERTS if not only or alert.id in only]

    def key(self, event: Event) -> str | tuple[str, ...] | None:
        """Return the fleet and the node; a watermark, an operator's action and a rule concern all of them."""
        if isinstance(event, NodeSummary):
            return event.fleet, node_key(event.fleet, event.node_id)
        if isinstance(event, WesBaseline):
            return node_key(event.fleet, event.node_id)
        whole = isinstance(event, Watermark | OperatorAction | RuleChanged)
        return None if whole else str(getattr(event, "fleet", ""))

    def initial(self, key: str) -> State:
        """Return the state of a fleet, or of a node of one, that has not been seen."""
        fleet, of_node, node_id = key.partition(_NODE)
        return State(key, fleet, (Watched(node_id),) if of_node else ())

    def step(self, state: State, arrived: Arrived) -> tuple[State, Outputs]:
        """Return the state after a summary, a baseline, a watermark or an operator's action."""
        event = arrived.event
        if isinstance(event, NodeSummary):
            return self._node(state, event) if state.watched else (_joined(state, event), ())
        if isinstance(event, Watermark):
            return (state, ()) if state.watched else self._passed(state, event)
        if isinstance(event, WesBaseline):
            watched = state.watched[0]
            return state._replace(
                watched=(watched._replace(baselines=with_new(watched.baselines, event)),)
            ), ()
        if isinstance(event, OperatorAction):
            return _acted(state, event)
        if isinstance(event, NodeTagged):
            return state, (Output(ALERTS, event.fleet, event),)
        if isinstance(event, RuleChanged):
            return state, ()
        return state, (Rejected("unexpected_event", f"{type(event).__name__} is no event of summaries"),)

    def forward(self, arrived: Arrived) -> Outputs:
        """Tell the rules of alerts how far the log has been folded, and the rules."""
        event = arrived.event
        if isinstance(event, Watermark):
            return (Output(ALERTS, None, event._replace(stage=self.name)),)
        return (Output(ALERTS, None, event),) if isinstance(event, RuleChanged) else ()

    def settled(self, state: State) -> bool:
        """Return whether it is this state's turn to be stored."""
        turn = sum(state.key.encode()) % 60 * (STORED_EVERY_US // 60)
        return (state.passed_at + turn) % STORED_EVERY_US < 2 * COMPARED_EVERY_US

    def over(self, state: State) -> bool:
        """Return whether nothing is known any more: the node has been silent too long, the fleet is empty."""
        nobody = not state.members and not state.pending
        return state.passed_at > 0 and nobody and not state.watched and not state.lives

    def encode(self, state: State) -> bytes:
        """Return the state as bytes."""
        return _CODEC.encode(state)

    def decode(self, raw: bytes) -> State:
        """Return the state of ``encode``."""
        return _CODEC.decode(raw)

    def _node(self, state: State, summary: NodeSummary) -> tuple[State, Outputs]:
        """Judge one node by its newest summary."""
        lives = {life.alert: life for life in state.lives}
        outputs: list[Output | Rejected] = []
        gone = summary.silent_s >= GONE_S or summary.stopped
        moment = Moment(summary.fleet, summary.node_id, summary.passed_at)
        for alert in self._of_node:
            known = lives.get(alert.id)
            life = known or AlertLife(alert.id, summary.node_id)
            limits = self._rules.of_fleet(alert.id, alert.thresholds, fleet=summary.fleet)
            if not limits.enabled:
                life, told = lifecycle.end(life, moment.at, "disabled")
            elif alert.id == "node_offline" and life.open and summary.silent_s <= 0:
                life, told = lifecycle.end(life, moment.at, "node_back")
            elif gone and not alert.survives_silence:
                life, told = lifecycle.end(life, moment.at, "node_gone")
            else:
                judgement = alert.judge(summary, state.watched[0], limits)
                if known is None and not judgement.holds:
                    continue  # nothing is remembered, and nothing begins
                life, told = lifecycle.follow(life, alert, judgement, moment, _timing(alert, limits))
            lives[alert.id] = life
            outputs.extend(Output(ALERTS, summary.fleet, each) for each in told)
        return state._replace(lives=_kept(lives.values()), passed_at=summary.passed_at), tuple(outputs)

    def _passed(self, state: State, mark: Watermark) -> tuple[State, Outputs]:
        """Compare the nodes at every moment until which all partitions have been folded."""
        marks = {one.partition: one.passed_at for one in state.marks}
        marks[mark.partition] = max(marks.get(mark.partition, 0), mark.passed_at)
        newest = max(marks.values())
        until = min(at for at in marks.values() if at >= newest - LATE_US)
        state = state._replace(
            marks=tuple(Mark(*each) for each in sorted(marks.items())), passed_at=max(state.passed_at, until)
        )
        outputs: list[Output | Rejected] = []
        at = state.judged_at + COMPARED_EVERY_US if state.judged_at else until - until % COMPARED_EVERY_US
        while at <= until:
            state, said = self._compared(_known_until(state, at), at)
            outputs.extend(said)
            at += COMPARED_EVERY_US
        return state, tuple(outputs)

    def _compared(self, state: State, at: int) -> tuple[State, Outputs]:
        fleet = Fleet(state.fleet, at, {one.node_id: one for one in state.members})
        lives = {(life.alert, life.subject): life for life in state.lives}
        outputs: list[Output | Rejected] = []
        for alert in self._of_fleet:
            limits = self._rules.of_fleet(alert.id, alert.thresholds, fleet=state.fleet)
            judged = alert.judge(fleet, limits) if limits.enabled else {}
            subjects = {subject for name, subject in lives if name == alert.id} | set(judged)
            for subject in sorted(subjects):
                life = lives.get((alert.id, subject)) or AlertLife(alert.id, subject)
                moment = Moment(state.fleet, subject if subject in fleet.members else "", at)
                life, told = lifecycle.follow(
                    life, alert, judged.get(subject, _FALSE), moment, _timing(alert, limits)
                )
                lives[alert.id, subject] = life
                outputs.extend(Output(ALERTS, state.fleet, each) for each in told)
        return state._replace(lives=_kept(lives.values()), judged_at=at), tuple(outputs)


def node_key(fleet: str, node_id: str) -> str:
    """Return the key of the state of one node of a fleet."""
    return fleet + _NODE + node_id


def _timing(alert: NodeAlert | FleetAlert, limits: Thresholds) -> Timing:
    for_s = limits.for_s if limits.for_s >= 0 else alert.for_s
    clear_s = limits.clear_s if limits.clear_s >= 0 else alert.clear_s
    return Timing(int(for_s * SECOND_US), int(clear_s * SECOND_US))


def _kept(lives: Iterable[AlertLife]) -> tuple[AlertLife, ...]:
    return tuple(sorted(life for life in lives if not lifecycle.untouched(life)))


def _joined(state: State, summary: NodeSummary) -> State:
    """Keep the summary until the fleet is compared at its time."""
    n = summary.samples
    member = Member(
        summary.node_id,
        summary.passed_at,
        summary.agent_version,
        summary.hardware,
        summary.rack,
        summary.driver,
        summary.model,
        summary.load,
        summary.stopped,
        summary.silent_s,
        summary.live / n if n else 0.0,
        (summary.thermal_serious + summary.thermal_critical) / n if n else 0.0,
        summary.requests_running,
        summary.requests_waiting,
        summary.wes_raw,
        0,
        summary.open,
    )
    return state._replace(pending=(*state.pending, member))


def _known_until(state: State, at: int) -> State:
    """Take in the summaries until a moment, in an order of their own."""
    due = sorted((one for one in state.pending if one.passed_at <= at), key=_order)
    members = {one.node_id: one for one in state.members}
    for one in due:
        before = members.get(one.node_id)
        members[one.node_id] = one if before is None else _after(before, one)
    gone = [
        node_id
        for node_id, one in members.items()
        if one.silent_s >= FORGET_S or at - one.passed_at > FORGET_S * SECOND_US
    ]
    for node_id in gone:
        del members[node_id]
    return state._replace(
        members=tuple(members[node_id] for node_id in sorted(members)),
        pending=tuple(one for one in state.pending if one.passed_at > at),
    )


def _order(member: Member) -> tuple[int, str]:
    return member.passed_at, member.node_id


def _after(before: Member, now: Member) -> Member:
    """A silent node keeps what it was; a version that differs from the last known began now."""
    if now.silent_s > 0:
        now = now._replace(model=before.model, load=before.load)
    since = before.version_since
    if before.agent_version and now.agent_version and before.agent_version != now.agent_version:
        since = now.passed_at
    return now._replace(version_since=since)


def _acted(state: State, action: OperatorAction) -> tuple[State, Outputs]:
    """Do what an operator wants with an alert; one that is not open is left as it is."""
    lives: list[AlertLife] = []
    outputs: list[Output | Rejected] = []
    for life in state.lives:
        if life.open and life.open[0].alert_id == action.target_id:
            after, told = lifecycle.act(life, action, max(state.passed_at, life.told_at))
            lives.append(after)
            outputs.extend(Output(ALERTS, state.fleet, each) for each in told)
        else:
            lives.append(life)
    return (state._replace(lives=_kept(lives)), tuple(outputs)) if outputs else (state, ())
