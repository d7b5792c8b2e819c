"""From the forms of arrivals to arrivals: nodes chosen, models found."""

from collections.abc import Mapping, Sequence

from producers.simulator.scenario.arrivals import (
    Arrivals,
    Bursts,
    Closed,
    Constant,
    Diurnal,
    Lognormal,
    Poisson,
    Process,
    TokenLengths,
    Uniform,
)
from producers.simulator.scenario.document import Path
from producers.simulator.scenario.findings import Findings
from producers.simulator.scenario.form.arrivals import ArrivalsForm, LengthsForm, ProcessForm
from producers.simulator.scenario.problem import one_of


def arrivals(
    forms: Sequence[ArrivalsForm], served: Mapping[str, frozenset[str]], duration_s: float, findings: Findings
) -> tuple[Arrivals, ...]:
    """Return the streams. ``served``: of each node, the models that it has at some time."""
    found: list[Arrivals] = []
    for index, form in enumerate(forms):
        place = findings.place("arrivals", index)
        if any(one.name == form.name for one in found):
            findings.note((*place, "name"), f"there is a stream {form.name!r} already")
        begin_s, end_s = form.between
        if begin_s >= duration_s:
            findings.note((*place, "between"), f"begins after the end of the scenario, {duration_s:g} s")
        chosen = findings.nodes((*place, "to"), form.to, tuple(served))
        found.append(
            Arrivals(
                name=form.name,
                model=form.model,
                nodes=with_model(form.model, chosen, served, (*place, "model"), findings),
                process=_process(form.process),
                prompt_tokens=lengths(form.prompt_tokens),
                output_tokens=lengths(form.output_tokens),
                begin_s=begin_s,
                end_s=min(end_s, duration_s),
                patience_s=form.patience_s,
                key=form.key,
                through=form.through,
                cached_ratio=form.cached_ratio,
                attempts=form.attempts,
                queue_patience_s=form.queue_patience_s,
            )
        )
    return tuple(found)


def with_model(
    model: str, chosen: Sequence[str], served: Mapping[str, frozenset[str]], place: Path, findings: Findings
) -> tuple[str, ...]:
    """Return those of the nodes that have the model; note it where none has."""
    having = tuple(name for name in chosen if model in served[name])
    if chosen and not having and not findings.broken:
        models = {one for name in chosen for one in served[name]}
        findings.note(place, f"none of these nodes has the model {model!r}{one_of(model, models)}")
    return having


def lengths(form: LengthsForm) -> TokenLengths:
    """Return a distribution."""
    if form.constant is not None:
        return Constant(form.constant)
    if form.uniform is not None:
        return Uniform(*form.uniform)
    assert form.lognormal is not None  # the form has exactly one
    return Lognormal(**dict(form.lognormal))


def _process(form: ProcessForm) -> Process:
    if form.poisson is not None:
        return Poisson(form.poisson)
    if form.diurnal is not None:
        return Diurnal(**dict(form.diurnal))
    if form.bursts is not None:
        return Bursts(**dict(form.bursts))
    assert form.closed is not None  # the form has exactly one
    return Closed(**dict(form.closed))
