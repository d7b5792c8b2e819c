"""A trial of a node is what the pattern stage says, for each set of rules."""

from functools import cache

import pytest

from processors.patterns.catalog import PATTERNS
from processors.patterns.rules import Rules
from processors.patterns.stage import PatternStage
from processors.patterns.state import State
from processors.patterns.taken import taken_of
from processors.replay.backtest.run_of_panes import with_rules_of
from processors.replay.backtest.trial import NodeTrial
from processors.stage import Arrived, Output, advance_key
from schemas.events.node_pane import NodePane
from schemas.events.observation import Observation
from schemas.events.operator_action import OperatorAction
from schemas.events.watermark import Watermark
from tests.processors.replay.backtest.recorded import NODES, panes_of

LOOSE = Rules(
    patterns={
        "queue_stall": {"for_s": 0.0, "clear_s": 200.0},
        "thermal_drain": {"hot_share_min": 0.2, "loss_min": 0.0},
        "latency_spike": {"enabled": False},
    },
    digest="loose",
)


@cache
def arrived_at(node_id: str) -> tuple[Arrived, ...]:
    return panes_of(node_id)


def disturbed(node_id: str) -> list[Arrived]:
    """The node's records with a silence, a late pane, a clock set back, and an operator who ends things."""
    records = list(arrived_at(node_id))
    panes = [at for at, one in enumerate(records) if isinstance(one.event, NodePane)]
    silent = set(panes[60:100])
    late = panes[30]
    found = [one for at, one in enumerate(records) if at not in silent and at != late]
    found.insert(late + 12, records[late])
    pane = records[panes[110]].event
    assert isinstance(pane, NodePane)
    back = 55_000_000
    newer = pane._replace(
        started_at=pane.started_at - back,
        occurred_at=pane.occurred_at - back,
        last_arrived_at=pane.last_arrived_at + 9_000_000,
    )
    place = found.index(records[panes[110]]) + 1
    found.insert(place, Arrived(newer, records[panes[110]].arrived_at + 9_000_000))
    return found


def with_actions(records: list[Arrived], node_id: str) -> list[Arrived]:
    """An operator ends the first observation that opens, a minute later."""
    stage = PatternStage(PATTERNS)
    states: dict[str, State] = {}
    for at, one in enumerate(records):
        for output in advance_key(states, stage, node_id, one):
            if isinstance(output, Output) and isinstance(output.event, Observation):
                target = output.event.observation_id
                verb = OperatorAction(
                    "id", one.arrived_at, "observation", target, "lab", node_id, "resolve", "me", "", 0
                )
                return [*records[: at + 12], Arrived(verb, one.arrived_at), *records[at + 12 :]]
    return records


@pytest.mark.parametrize("only", [(), ("queue_stall",), ("error_burst", "latency_spike")])
@pytest.mark.parametrize("node_id", NODES)
@pytest.mark.parametrize("trouble", [False, True])
def test_a_trial_says_and_keeps_what_the_stage_does(
    node_id: str, trouble: bool, only: tuple[str, ...]
) -> None:
    records = list(arrived_at(node_id))
    if trouble:
        records = with_actions(disturbed(node_id), node_id)
    rules = (Rules(), LOOSE)
    trial = NodeTrial(node_id, [PatternStage(PATTERNS, each, only=only) for each in rules])
    tried: list[list[object]] = [[], []]
    for one in records:
        event = one.event
        said = trial.pane(taken_of(event)) if isinstance(event, NodePane) else trial.event(one)
        for each in said:
            tried[each.side].extend(each.told)
    for side, (each_rules, state) in enumerate(zip(rules, trial.states(), strict=True)):
        stage = PatternStage(PATTERNS, each_rules, only=only)
        states: dict[str, State] = {}
        expected = [
            output.event
            for one in records
            if node_id in states or not isinstance(one.event, Watermark)
            for output in advance_key(states, stage, node_id, one)
            if isinstance(output, Output) and isinstance(output.event, Observation)
        ]
        assert [repr(event) for event in tried[side]] == [repr(event) for event in expected]
        assert state is not None
        of_stage = states[node_id]
        assert repr(with_rules_of(state, of_stage)) == repr(of_stage)
        assert repr(state.lives) == repr(of_stage.lives)


def test_the_recording_has_something_to_say() -> None:
    trial = NodeTrial("r2-2", [PatternStage(PATTERNS, LOOSE)])
    told = [
        each
        for one in arrived_at("r2-2")
        for each in (trial.pane(taken_of(one.event)) if isinstance(one.event, NodePane) else trial.event(one))
    ]
    assert {event.pattern for said in told for event in said.told} >= {"queue_stall"}
