"""A scenario from its file: every problem of the file at once, each with file, line and field."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from producers.simulator.scenario import fleet, labels, timeline, traffic
from producers.simulator.scenario.document import Document, parse
from producers.simulator.scenario.findings import Findings
from producers.simulator.scenario.form.scenario import ScenarioForm
from producers.simulator.scenario.forms import validate
from producers.simulator.scenario.labels import Known
from producers.simulator.scenario.model import Scenario
from producers.simulator.scenario.names import expand
from producers.simulator.scenario.problem import ScenarioError
from schemas.errors import ConfigError

ANY: Known = {}


def read(file: Path, known: Known = ANY) -> Scenario:
    """Read a scenario. ``known``: ids that its labels may name, by kind; nothing: any.

    Raises:
        ScenarioError: something is wrong with it.
        ConfigError: the file cannot be read.
    """
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(f"the scenario {file} cannot be read: {exc}") from exc
    return read_text(text, str(file), known)


def read_text(text: str, file: str, known: Known = ANY) -> Scenario:
    """Read a scenario from a text; ``file`` is what messages call it."""
    document = parse(text, file)
    form, kept, problems = validate(document)
    if form is None:
        raise ScenarioError(file, problems)
    findings = Findings(document, kept, _broken(document, kept))
    scenario = _scenario(form, Path(file).stem, known, findings)
    if problems or findings.problems:
        raise ScenarioError(file, [*problems, *findings.problems])
    return scenario


def _broken(document: Document, kept: Mapping[str, Sequence[int]]) -> tuple[str, ...]:
    """Return the names of nodes that have no form, so that who names them is not blamed."""
    nodes = document.value.get("nodes")
    names: list[str] = []
    for index, node in enumerate(nodes if isinstance(nodes, list) else ()):
        name = node.get("name") if isinstance(node, dict) else None
        if index in kept["nodes"] or not isinstance(name, str):
            continue
        try:
            names += expand(name)
        except ValueError:
            names.append(name)
    return tuple(names)


def _scenario(form: ScenarioForm, stem: str, known: Known, findings: Findings) -> Scenario:
    nodes = fleet.nodes(form.nodes, findings)
    names = [node.name for node in nodes]
    changes = timeline.changes(form.changes, nodes, form.duration_s, findings)
    models = timeline.served(nodes, changes)
    timeline.check_leaving(form.changes, nodes, models, findings)
    return Scenario(
        name=form.name or stem,
        about=form.about,
        seed=form.seed,
        starts_at=form.starts_at,
        duration_s=form.duration_s,
        interval_s=form.interval_s,
        fleet=form.fleet,
        environment=fleet.environment(form.environment),
        nodes=nodes,
        arrivals=traffic.arrivals(form.arrivals, models, form.duration_s, findings),
        changes=changes,
        faults=timeline.faults(form.faults, nodes, models, form.duration_s, findings),
        expect=labels.expectations(form.expect or (), names, form.duration_s, known, findings),
        allow=labels.allowances(form.allow, names, known, findings),
        labelled=form.expect is not None,
    )
