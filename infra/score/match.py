"""What was noticed in a scenario against its labels."""

from collections.abc import Sequence

from processors.labels.match import Labels, Verdict, match
from processors.labels.seen import Seen
from producers.simulator.scenario.model import Scenario
from producers.simulator.scenario.timeline_text import clock
from schemas.labels import Expectation


def judge(scenario: Scenario, seen: Sequence[Seen]) -> Verdict:
    """Set what was noticed against the labels of a scenario; see ``match``."""
    labels = Labels(
        scenario.name,
        scenario.expect,
        scenario.allow,
        clock,
        lambda label, one: _cause_s(scenario, label, one),
    )
    return match(labels, seen)


def _cause_s(scenario: Scenario, label: Expectation, one: Seen) -> float:
    """Return when the last fault that concerns the node began before it opened; else the label's earliest."""
    concerned = {one.node, *one.members} - {""}
    begun = [
        fault.at_s
        for fault in scenario.faults
        if fault.at_s <= one.opened_s and (not fault.nodes or not concerned or concerned & set(fault.nodes))
    ]
    return max(begun, default=label.opens.begin_s)
