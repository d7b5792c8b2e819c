"""From the forms of changes and faults to values: who is meant, and whether they can suffer it."""

from collections.abc import Sequence
from typing import Any

from producers.simulator.scenario.changes import AnyChange
from producers.simulator.scenario.document import Path
from producers.simulator.scenario.faults import AnyFault, LogStall, LongPromptFlood
from producers.simulator.scenario.findings import Findings
from producers.simulator.scenario.fleet import check_model, model
from producers.simulator.scenario.form.arrivals import LengthsForm
from producers.simulator.scenario.form.changes import (
    AnyChangeForm,
    LoadForm,
    RuntimeChangeForm,
    SwapForm,
    UnloadForm,
)
from producers.simulator.scenario.form.faults import AnyFaultForm, RuntimeFaultForm
from producers.simulator.scenario.form.fleet import ModelForm
from producers.simulator.scenario.machines import Node
from producers.simulator.scenario.overlap import check_overlaps
from producers.simulator.scenario.possible import impossible, no_runtime
from producers.simulator.scenario.problem import one_of
from producers.simulator.scenario.traffic import lengths, with_model

# What a form has for itself: it is turned into nodes, or says which form it is.
_OWN = ("kind", "node", "rack", "runtime")
Served = dict[str, frozenset[str]]


def changes(
    forms: Sequence[AnyChangeForm], nodes: Sequence[Node], duration_s: float, findings: Findings
) -> tuple[AnyChange, ...]:
    """Return the changes, in the order of time."""
    found = []
    for index, form in enumerate(forms):
        place = findings.place("changes", index)
        _check_start(form.at_s, duration_s, place, findings)
        chosen = _chosen(form, nodes, place, findings)
        values = _values(form)
        if isinstance(form, RuntimeChangeForm):
            values["runtime_id"] = _runtime_id(form, chosen, place, findings)
        if isinstance(form, LoadForm | SwapForm):
            check_model(form.model, (*place, "model"), findings)
        found.append(form.makes(nodes=tuple(node.name for node in chosen), **values))
    return tuple(sorted(found, key=lambda change: change.at_s))


def served(nodes: Sequence[Node], made: Sequence[AnyChange]) -> Served:
    """Return, of each node, the names of the models that it has at some time."""
    having = {node.name: {one.name for runtime in node.runtimes for one in runtime.models} for node in nodes}
    for change in made:
        arriving = getattr(change, "model", None)
        if arriving is not None and not isinstance(arriving, str):
            for name in change.nodes:
                having[name].add(arriving.name)
    return {name: frozenset(models) for name, models in having.items()}


def check_leaving(
    forms: Sequence[AnyChangeForm], nodes: Sequence[Node], models: Served, findings: Findings
) -> None:
    """Note models that are to go and were never there."""
    for index, form in enumerate(forms):
        leaving = (
            form.model if isinstance(form, UnloadForm) else form.old if isinstance(form, SwapForm) else ""
        )
        if not leaving:
            continue
        place = findings.place("changes", index)
        quiet = Findings(findings.document, findings.kept, findings.broken)
        chosen = tuple(node.name for node in _chosen(form, nodes, place, quiet))
        with_model(
            leaving, chosen, models, (*place, "old" if isinstance(form, SwapForm) else "model"), findings
        )


def faults(
    forms: Sequence[AnyFaultForm],
    nodes: Sequence[Node],
    models: Served,
    duration_s: float,
    findings: Findings,
) -> tuple[AnyFault, ...]:
    """Return the faults, in the order of time."""
    found: list[tuple[AnyFault, Path]] = []
    for index, form in enumerate(forms):
        place = findings.place("faults", index)
        _check_start(form.at_s, duration_s, place, findings)
        chosen = _targets(form, nodes, place, findings)
        values = _values(form)
        if isinstance(form, RuntimeFaultForm):
            values["runtime_id"] = form.runtime
        fault = form.makes(nodes=tuple(node.name for node in chosen), **values)
        for field, message in impossible(fault, chosen):
            findings.note((*place, field), message)
        if isinstance(fault, LongPromptFlood):
            with_model(fault.model, fault.nodes, models, (*place, "model"), findings)
        found.append((fault, place))
    check_overlaps(found, findings)
    return tuple(fault for fault, _ in sorted(found, key=lambda pair: pair[0].at_s))


def _values(form: AnyChangeForm | AnyFaultForm) -> dict[str, Any]:
    return {name: _value(value) for name, value in form if name not in _OWN}


def _value(value: Any) -> Any:  # noqa: ANN401 - of any field
    if isinstance(value, ModelForm):
        return model(value)
    if isinstance(value, LengthsForm):
        return lengths(value)
    return tuple(value) if isinstance(value, list) else value


def _check_start(at_s: float, duration_s: float, place: Path, findings: Findings) -> None:
    if at_s >= duration_s:
        findings.note((*place, "at"), f"is at or after the end of the scenario, {duration_s:g} s")


def _targets(form: AnyFaultForm, nodes: Sequence[Node], place: Path, findings: Findings) -> list[Node]:
    if issubclass(form.makes, LogStall):
        if form.node or form.rack:
            findings.note(place, "is a fault of the log: it has neither node nor rack")
        return []
    return _chosen(form, nodes, place, findings)


def _chosen(
    form: AnyChangeForm | AnyFaultForm, nodes: Sequence[Node], place: Path, findings: Findings
) -> list[Node]:
    if (form.node is None) == (form.rack is None):
        findings.note(place, "must have either node or rack")
        return []
    if form.node is not None:
        names = findings.nodes((*place, "node"), form.node, [node.name for node in nodes])
        return [node for node in nodes if node.name in names]
    racks = {node.rack for node in nodes if node.rack}
    for rack in form.rack or ():
        if rack not in racks and not findings.broken:
            findings.note(
                (*place, "rack"), f"no node is in a rack {rack!r}{one_of(rack, racks, what='rack')}"
            )
    return [node for node in nodes if node.rack in (form.rack or ())]


def _runtime_id(form: RuntimeChangeForm, chosen: Sequence[Node], place: Path, findings: Findings) -> str:
    """Return the runtime that is meant: the one that is named, or the only one there is."""
    for node in chosen:
        ids = [runtime.runtime_id for runtime in node.runtimes]
        if form.runtime and form.runtime not in ids:
            findings.note((*place, "runtime"), no_runtime(node, form.runtime))
            break
        if not form.runtime and len(ids) != 1:
            findings.note(place, f"must have a runtime: {node.name} has {', '.join(ids) or 'none'}")
            break
        if not form.runtime:
            return ids[0]
    return form.runtime
