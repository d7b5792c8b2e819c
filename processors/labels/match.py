"""What was noticed against the labels: hits, misses, false alarms, and for each that is off one line."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from processors.labels.seen import Seen
from schemas.labels import Allowance, Expectation, Kind, Window

Subject = tuple[Kind, str]


@dataclass(frozen=True, slots=True)
class Labels:
    """What must be noticed, and what may be besides. ``name`` stands before each line: a scenario, a file.

    ``clock`` writes seconds from the start as people know them; ``cause_s`` says when that began which a
    label is about, as far as that is known.
    """

    name: str
    expect: Sequence[Expectation]
    allow: Sequence[Allowance]
    clock: Callable[[float], str]
    cause_s: Callable[[Expectation, Seen], float]


@dataclass(slots=True)
class Verdict:
    """How a run went. ``delays_s``: from what causes it, as far as that is known, to when it opened."""

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


def match(labels: Labels, seen: Sequence[Seen]) -> Verdict:
    """Set what was noticed against labels.

    An observation that opens within a label's window belongs to it, and to no other label. If it resolves at
    another time or reaches another severity than the label says, the label is missed. What belongs to no
    label and is not allowed is a false alarm.
    """
    verdict = Verdict(labels.name)
    left = list(seen)
    for label in labels.expect:
        verdict.subjects.add((label.kind, label.id))
        found = next((one for one in left if _fits(label, one) and label.opens.holds(one.opened_s)), None)
        if found is not None:
            left.remove(found)
        _settle(label, found, left, labels, verdict)
    for one in left:
        if not _allowed(labels.allow, one):
            verdict.subjects.add((one.kind, one.id))
            verdict.alarms[one.kind, one.id] += 1
            verdict.lines.append(f"{labels.name}: nobody expects {_told(one, labels)}")
    return verdict


def _settle(
    label: Expectation, found: Seen | None, left: Sequence[Seen], labels: Labels, verdict: Verdict
) -> None:
    subject = (label.kind, label.id)
    wrong = [_instead(label, left, labels)] if found is None else list(_wrong(label, found, labels))
    if not wrong:
        assert found is not None
        verdict.hits[subject] += 1
        verdict.delays_s.append((subject, found.opened_s - labels.cause_s(label, found)))
        return
    verdict.misses[subject] += 1
    due = f"{_name(label.kind, label.id, label.node)} is due to open {_span(label.opens, labels)}"
    verdict.lines.append(f"{labels.name}:{label.line}: {due}: {'; '.join(wrong)}")


def _fits(label: Expectation, one: Seen) -> bool:
    return (label.kind, label.id, label.node) == (one.kind, one.id, one.node)


def _wrong(label: Expectation, one: Seen, labels: Labels) -> Iterator[str]:
    """Yield what is not as the label says, of one that opened in time."""
    opened = f"it opened at {labels.clock(one.opened_s)}"
    if not label.any_end:
        yield from _wrong_end(label, one, opened, labels)
    if label.severity is not None and one.severity != label.severity:
        yield f"{opened} and was {one.severity}, not {label.severity}"
    if label.members and one.members != tuple(sorted(label.members)):
        yield f"{opened} with {', '.join(one.members) or 'no members'}, not {', '.join(label.members)}"


def _wrong_end(label: Expectation, one: Seen, opened: str, labels: Labels) -> Iterator[str]:
    ended = None if one.resolved_s is None else f"resolved at {labels.clock(one.resolved_s)} ({one.reason})"
    if label.resolves is None and ended:
        yield f"{opened} and {ended}, which it should not"
    elif label.resolves is not None and one.resolved_s is None:
        yield f"{opened} and is open at the end; it is due to resolve {_span(label.resolves, labels)}"
    elif label.resolves is not None and not label.resolves.holds(one.resolved_s or 0.0):
        yield f"{opened} and {ended}, not {_span(label.resolves, labels)}"


def _instead(label: Expectation, left: Sequence[Seen], labels: Labels) -> str:
    same = [one for one in left if (one.kind, one.id) == (label.kind, label.id)]
    here = [one for one in same if one.node == label.node]
    if here:
        return "it opened at " + " and ".join(labels.clock(one.opened_s) for one in here[:3])
    if same:
        return "it opened on " + " and ".join(one.node or "no node" for one in same[:3])
    return "it did not"


def _allowed(allow: Sequence[Allowance], one: Seen) -> bool:
    return any(
        (rule.kind, rule.id) == (one.kind, one.id)
        and (not rule.nodes or one.node in rule.nodes)
        and rule.between.holds(one.opened_s)
        for rule in allow
    )


def _told(one: Seen, labels: Labels) -> str:
    until = "open at the end" if one.resolved_s is None else f"resolved at {labels.clock(one.resolved_s)}"
    name = _name(one.kind, one.id, one.node)
    return f"{name}, {one.severity}, opened at {labels.clock(one.opened_s)}, {until}: {one.text}"


def _name(kind: Kind, id_: str, node: str) -> str:
    return f"{kind} {id_}" + (f" on {node}" if node else "")


def _span(window: Window, labels: Labels) -> str:
    return f"{labels.clock(window.begin_s)}..{labels.clock(window.end_s)}"
