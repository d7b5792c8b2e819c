"""Faults of one kind that would hold the same target at the same time."""

from collections.abc import Sequence

from producers.simulator.scenario.document import Path
from producers.simulator.scenario.faults import AnyFault
from producers.simulator.scenario.findings import Findings


def check_overlaps(found: Sequence[tuple[AnyFault, Path]], findings: Findings) -> None:
    """Note a fault that begins while one of its kind holds the same target; what both mean is undefined."""
    for index, (fault, place) in enumerate(found):
        for other, elsewhere in found[:index]:
            if type(fault) is type(other) and _meet(fault, other):
                nodes = sorted(set(fault.nodes) & set(other.nodes))
                where = f" on {nodes[0]}" if nodes else ""
                line = findings.line(elsewhere)
                findings.note(place, f"overlaps the fault of the same kind in line {line}{where}")
                break


def _meet(one: AnyFault, other: AnyFault) -> bool:
    if one.at_s >= other.until_s or other.at_s >= one.until_s:
        return False
    if (one.nodes or other.nodes) and not set(one.nodes) & set(other.nodes):
        return False
    for name in ("gpus", "runtime_id", "reading", "model", "where"):
        ours, theirs = getattr(one, name, None), getattr(other, name, None)
        if not ours or not theirs:
            continue  # all of them
        if not (set(ours) & set(theirs) if isinstance(ours, tuple) else ours == theirs):
            return False
    return True
