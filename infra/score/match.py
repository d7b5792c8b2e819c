"""What was noticed against the labels: hits, misses, false alarms, and for each that is off one line."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from infra.score.seen import Seen
from producers.simulator.scenario.model import Expectation, Kind, Scenario, Window
from producers.simulator.scenario.timeline_text import clock

Subject = tuple[Kind, str]


@dataclass(slots=True)
class Verdict:
    """How a scenario went. ``delays_s``: from what causes it, as far as that is known, to when it opened."""

    scenario: str
    subjects: set[Subject] = field(default_factory=set)
    hits: Counter[Subject] = field(default_factory=Counter)
    misses: Counter[Subject] = field(default_factory=Counter)
    alarms: Counter[Subject] = field(default_factory=Counter)
    delays_s: list[tuple[Subject, float]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    @property
    def right(self) -> bool:
        """Whether all that was due was noticed, and nothing else."""
        return not self.lines


def judge(scenario: Scenario, seen: Sequence[Seen]) -> Verdict:
    """Set what was noticed against the labels of a scenario.

    An observation that opens within a label's window belongs to it, and to no other label. If it resolves at
    another time or reaches another severity than the label says, the label is missed. What belongs to no
    label and is not allowed is a false alarm.
    """
    verdict = Verdict(scenario.name)
    left = list(seen)
    for label in scenario.expect:
        verdict.subjects.add((label.kind, label.id))
        found = next((one for one in left if _fits(label, one) and label.opens.holds(one.opened_s)), None)
        if found is not None:
            left.remove(found)
        _settle(label, found, left, scenario, verdict)
    for one in left:
        if not _allowed(scenario, one):
            verdict.subjects.add((one.kind, one.id))
            verdict.alarms[one.kind, one.id] += 1
            verdict.lines.append(f"{scenario.name}: nobody expects {_told(one)}")
    return verdict


def _settle(
    label: Expectation, found: Seen | None, left: Sequence[Seen], scenario: Scenario, verdict: Verdict
) -> None:
    subject = (label.kind, label.id)
    wrong = list(_wrong(label, found)) if found is not None else [_instead(label, left)]
    if not wrong:
        assert found is not None
        verdict.hits[subject] += 1
        verdict.delays_s.append((subject, found.opened_s - _cause_s(scenario, label, found)))
        return
    verdict.misses[subject] += 1
    due = f"{_name(label.kind, label.id, label.node)} is due to open {_span(label.opens)}"
    verdict.lines.append(f"{scenario.name}:{label.line}: {due}: {'; '.join(wrong)}")


def _fits(label: Expectation, one: Seen) -> bool:
    return (label.kind, label.id, label.node) == (one.kind, one.id, one.node)


def _wrong(label: Expectation, one: Seen) -> Iterator[str]:
    """Yield what is not as the label says, of one that opened in time."""
    opened = f"it opened at {clock(one.opened_s)}"
    ended = None if one.resolved_s is None else f"resolved at {clock(one.resolved_s)} ({one.reason})"
    if label.resolves is None and ended:
        yield f"{opened} and {ended}, which it should not"
    elif label.resolves is not None and one.resolved_s is None:
        yield f"{opened} and is open at the end; it is due to resolve {_span(label.resolves)}"
    elif label.resolves is not None and not label.resolves.holds(one.resolved_s or 0.0):
        yield f"{opened} and {ended}, not {_span(label.resolves)}"
    if label.severity is not None and one.severity != label.severity:
        yield f"{opened} and was {one.severity}, not {label.severity}"
    if label.members and one.members != tuple(sorted(label.members)):
        yield f"{opened} with {', '.join(one.members) or 'no members'}, not {', '.join(label.members)}"


def _instead(label: Expectation, left: Sequence[Seen]) -> str:
    same = [one for one in left if (one.kind, one.id) == (label.kind, label.id)]
    here = [one for one in same if one.node == label.node]
    if here:
        return "it opened at " + " and ".join(clock(one.opened_s) for one in here[:3])
    if same:
        return "it opened on " + " and ".join(one.node or "no node" for one in same[:3])
    return "it did not"


def _allowed(scenario: Scenario, one: Seen) -> bool:
    return any(
        (rule.kind, rule.id) == (one.kind, one.id)
        and (not rule.nodes or one.node in rule.nodes)
        and rule.between.holds(one.opened_s)
        for rule in scenario.allow
    )


def _cause_s(scenario: Scenario, label: Expectation, one: Seen) -> float:
    """Return when the last fault that concerns the node began before it opened; else the label's earliest."""
    concerned = {one.node, *one.members} - {""}
    begun = [
        fault.at_s
        for fault in scenario.faults
        if fault.at_s <= one.opened_s and (not fault.nodes or not concerned or concerned & set(fault.nodes))
    ]
    return max(begun, default=label.opens.begin_s)


def _told(one: Seen) -> str:
    until = "open at the end" if one.resolved_s is None else f"resolved at {clock(one.resolved_s)}"
    name = _name(one.kind, one.id, one.node)
    return f"{name}, {one.severity}, opened at {clock(one.opened_s)}, {until}: {one.text}"


def _name(kind: Kind, id_: str, node: str) -> str:
    return f"{kind} {id_}" + (f" on {node}" if node else "")


def _span(window: Window) -> str:
    return f"{clock(window.begin_s)}..{clock(window.end_s)}"
