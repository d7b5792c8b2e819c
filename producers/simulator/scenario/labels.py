"""From the forms of labels to labels: one for each node, ids checked against those that exist."""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence

from producers.simulator.scenario.document import Path
from producers.simulator.scenario.findings import Findings
from producers.simulator.scenario.form.labels import AllowForm, ExpectForm
from producers.simulator.scenario.problem import one_of
from schemas.labels import Allowance, Expectation, Kind, Window

Known = Mapping[Kind, Collection[str]]


def expectations(
    forms: Sequence[ExpectForm], nodes: Sequence[str], duration_s: float, known: Known, findings: Findings
) -> tuple[Expectation, ...]:
    """Return the labels. ``known``: ids of the patterns and alerts there are; empty: any."""
    return tuple(
        label
        for index, form in enumerate(forms)
        for label in _expectations(form, findings.place("expect", index), nodes, duration_s, known, findings)
    )


def allowances(
    forms: Sequence[AllowForm], nodes: Sequence[str], known: Known, findings: Findings
) -> tuple[Allowance, ...]:
    """Return what may be noticed besides."""
    found = []
    for index, form in enumerate(forms):
        place = findings.place("allow", index)
        kind, id_ = _subject(form, place, known, findings)
        chosen = findings.nodes((*place, "node"), form.node, nodes) if form.node else ()
        found.append(Allowance(kind=kind, id=id_, nodes=chosen, between=Window(*form.between)))
    return tuple(found)


def _expectations(
    form: ExpectForm,
    place: Path,
    nodes: Sequence[str],
    duration_s: float,
    known: Known,
    findings: Findings,
) -> Iterator[Expectation]:
    kind, id_ = _subject(form, place, known, findings)
    if kind == "pattern" and not form.node:
        findings.note(place, "must have a node: a pattern is about one")
    if kind == "pattern" and form.members:
        findings.note((*place, "members"), "are of alerts; a pattern has a node")
    _check_windows(form, place, duration_s, findings)
    chosen = findings.nodes((*place, "node"), form.node, nodes) if form.node else ("",)
    members = findings.nodes((*place, "members"), form.members, nodes) if form.members else ()
    for name in chosen:
        yield Expectation(
            kind=kind,
            id=id_,
            node=name,
            opens=Window(*form.opens),
            resolves=None if form.resolves is None else Window(*form.resolves),
            severity=form.severity,
            members=members,
            line=findings.line(place),
        )


def _subject(form: ExpectForm | AllowForm, place: Path, known: Known, findings: Findings) -> tuple[Kind, str]:
    if (form.pattern is None) == (form.alert is None):
        findings.note(place, "must have either a pattern or an alert")
    kind: Kind = "alert" if form.pattern is None else "pattern"
    id_ = form.pattern or form.alert or ""
    ids = known.get(kind, ())
    if id_ and ids and id_ not in ids:
        findings.note((*place, kind), f"there is no {kind} {id_!r}{one_of(id_, ids)}")
    return kind, id_


def _check_windows(form: ExpectForm, place: Path, duration_s: float, findings: Findings) -> None:
    if form.opens[0] > duration_s:
        findings.note((*place, "opens"), f"begins after the end of the scenario, {duration_s:g} s")
    if form.resolves is None:
        return
    begin_s, end_s = form.resolves
    if begin_s > duration_s:
        findings.note((*place, "resolves"), "begins after the end of the scenario; write never")
    if end_s < form.opens[0] and not math.isinf(end_s):
        findings.note((*place, "resolves"), "ends before it opens")
