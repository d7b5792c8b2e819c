"""``penstock simulate``: a simulated fleet with its incidents, into Kafka or into a log file."""

import math
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli import context
from infra.cli.output import print_json, print_table
from schemas.errors import ConfigError

if TYPE_CHECKING:
    from producers.simulator.scenario.model import Scenario
    from schemas.settings import Settings

SPEEDS = (1.0, 100.0)
app = typer.Typer()


class Out(StrEnum):
    """Where facts go."""

    KAFKA = "kafka"
    LOG = "log"


@app.command()
def simulate(
    ctx: typer.Context,
    scenario: Annotated[
        str | None, typer.Argument(metavar="[SCENARIO.yaml|NAME]", help="A file, or a name of --list.")
    ] = None,
    *,
    speed: Annotated[
        str, typer.Option(metavar="N|max", help="Event time per time, 1 to 100, with --out kafka.")
    ] = "",
    out: Annotated[Out, typer.Option(help="Where the facts go.")] = Out.KAFKA,
    file: Annotated[
        Path | None, typer.Option(metavar="F", help="The log file; by default NAME.log.avro here.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(metavar="S", min=0, help="Another seed than the file's.")
    ] = None,
    list_: Annotated[bool, typer.Option("--list", help="List the scenarios there are.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Check the file, and show what it says.")] = False,
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON Schema of a file.")] = False,
) -> None:
    """Simulate a fleet and what goes wrong in it: the facts that its agents and its router would send."""
    if schema:
        from producers.simulator.scenario.form.scenario import json_schema

        print_json(json_schema())
    elif list_:
        _list()
    elif scenario is None:
        raise ConfigError("which scenario? give a file or a name; penstock simulate --list shows the names")
    else:
        found = load(scenario)
        if check:
            show(found)
        elif out is Out.LOG:
            _to_file(ctx, found, file, seed, speed)
        else:
            _to_kafka(ctx, found, file, seed, speed)


def load(name: str) -> "Scenario":
    """Return a scenario by name or path.

    Raises:
        ConfigError: there is none, or something is wrong with it.
    """
    from infra.score.known import known
    from producers.simulator.scenario.read import read
    from producers.simulator.scenario.shipped import find

    return read(find(name), known())


def _list() -> None:
    from producers.simulator.scenario.problem import ScenarioError
    from producers.simulator.scenario.read import read
    from producers.simulator.scenario.shipped import LABELLED, scenarios

    rows: list[tuple[object, ...]] = []
    for folder, kind in ((scenarios(), "shipped"), (scenarios(LABELLED), "labelled")):
        for name, path in folder.items():
            try:
                found = read(path)
            except ScenarioError as exc:
                rows.append((name, kind, "", "", f"wrong: {str(exc).splitlines()[0]}"))
            else:
                rows.append((name, kind, _span(found.duration_s), len(found.nodes), found.about))
    print_table(("name", "kind", "takes", "nodes", "about"), rows)


def show(scenario: "Scenario") -> None:
    """Print what a scenario says: its size, and its timeline."""
    from producers.simulator.scenario.timeline_text import moments

    typer.echo(f"{scenario.name}: {scenario.about}")
    typer.echo(
        f"{_span(scenario.duration_s)}, {len(scenario.nodes)} nodes, {len(scenario.arrivals)} streams of "
        f"requests, seed {scenario.seed}, {len(scenario.expect)} labels"
    )
    print_table(("at", "what", "where", "until"), moments(scenario))


def _span(seconds: float) -> str:
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{seconds / 60:g} min"


def _to_file(
    ctx: typer.Context, scenario: "Scenario", file: Path | None, seed: int | None, speed: str
) -> None:
    """Write a log file."""
    from rich.console import Console

    from infra.cli.progress import bar
    from infra.score.schema_ids import schema_ids
    from producers.simulator.engine import simulate as run
    from producers.simulator.log import log_file

    if speed not in ("", "max"):
        raise ConfigError("--speed is for --out kafka: a file is written as fast as it goes")
    chosen = scenario.seed if seed is None else seed
    file = file or Path(f"{scenario.name}.log.avro")
    about = {"scenario": scenario.name, "seed": str(chosen), "starts_at": str(scenario.starts_at)}
    partitions = context.settings(ctx).kafka.partitions
    count = 0
    with (
        bar(Console(stderr=True), scenario.duration_s, scenario.starts_at) as shown,
        log_file(file, schema_ids(), partitions=partitions, about=about) as writer,
    ):
        for count, fact in enumerate(run(scenario, seed=chosen), 1):
            writer.write(fact)
            if count % 500 == 0:
                shown.show((fact.arrived_at - scenario.starts_at) / 1e6, count)
    typer.echo(f"{file}: {count:,} facts of {_span(scenario.duration_s)}, {file.stat().st_size / 1e6:.1f} MB")


def _to_kafka(
    ctx: typer.Context, scenario: "Scenario", file: Path | None, seed: int | None, speed: str
) -> None:
    """Send to Kafka."""
    from rich.console import Console

    from infra.cli import service
    from infra.cli.progress import bar
    from producers.simulator.engine import simulate as run
    from producers.simulator.live import Sent, send

    if file is not None:
        raise ConfigError("--file is for --out log")
    facts = run(scenario, seed=seed)
    rate = _speed(speed)
    done: list[Sent] = []

    async def serve(settings: "Settings") -> None:
        with bar(Console(stderr=True), scenario.duration_s, scenario.starts_at) as shown:
            done.append(await send(scenario, facts, settings, speed=rate, report=shown.show))

    service.run(serve, context.settings(ctx), name="simulate")
    if not done:
        raise KeyboardInterrupt
    sent = done[0]
    typer.echo(f"{sent.facts:,} facts of {_span(sent.seconds)}; {sent.statistics.dropped} dropped")


def _speed(text: str) -> float:
    if text == "max":
        return math.inf
    try:
        found = float(text or 1)
    except ValueError:
        found = math.nan
    if not SPEEDS[0] <= found <= SPEEDS[1]:
        raise ConfigError(f"--speed {text}: it is a number from {SPEEDS[0]:g} to {SPEEDS[1]:g}, or max")
    return found
