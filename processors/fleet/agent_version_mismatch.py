"""Some nodes run another version of the agent than most, and nobody is changing it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from processors.fleet.alert import Fleet, FleetAlert
from processors.patterns.pattern import Judgement, compared
from processors.patterns.thresholds import Thresholds, threshold
from processors.patterns.turning import SECOND_US

SUBJECT = "agents"


@dataclass(frozen=True, slots=True)
class AgentVersionMismatch(Thresholds):
    """Thresholds of agent_version_mismatch."""

    settle_s: float = threshold(
        900.0, 0.0, 86400.0, "s", doc="seconds since any node changed its version: before, a roll-out goes on"
    )
    silent_max_s: float = threshold(300.0, 10.0, 86400.0, "s", doc="nodes silent for longer do not count")


def judge(fleet: Fleet, limits: AgentVersionMismatch) -> Mapping[str, Judgement]:
    """More than one version among the nodes that are there, long after the last change."""
    there = [
        one
        for one in fleet.members.values()
        if one.agent_version and not one.stopped and one.silent_s < limits.silent_max_s
    ]
    counts = Counter(one.agent_version for one in there)
    changed_at = max((one.version_since for one in there), default=0)
    settled_s = (fleet.at - changed_at) / SECOND_US if changed_at else limits.settle_s
    if len(counts) < 2 or settled_s < limits.settle_s:
        return {}
    # Of versions that are equally common, the one that sorts last is taken for the newer.
    usual = max(counts, key=lambda version: (counts[version], version))
    others = tuple(sorted(one.node_id for one in there if one.agent_version != usual))
    evidence = (compared("other_versions", float(len(others)), ">", 0.0),)
    text = f"{len(others)} of {len(there)} nodes do not run {usual}"
    return {SUBJECT: Judgement(True, evidence, "warning", counts[usual] / len(there), others, text)}


ALERT = FleetAlert(
    id="agent_version_mismatch",
    title="Agents of different versions",
    about="Nodes run another version of the agent than most, a quarter of an hour after the last change.",
    for_s=300,
    clear_s=60,
    action="upgrade_agents",
    recommendation="Finish the roll-out, or take it back, on the nodes that are named.",
    thresholds=AgentVersionMismatch,
    judge=judge,
    departs=(
        "Per fleet; one alert with the nodes that differ; a roll-out that goes on is none; of equally common "
        "versions the newer counts, not an arbitrary one."
    ),
)
