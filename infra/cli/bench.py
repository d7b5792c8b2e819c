"""``penstock bench``: what docs/benchmarks.md reports."""

import importlib
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.output import print_json
from schemas.errors import ConfigError

if TYPE_CHECKING:
    from infra.bench.table import Table

# Modules of infra.bench, in the order of docs/benchmarks.md.
NAMES = (
    "stage",
    "patterns",
    "rules",
    "backtest",
    "sink",
    "replay",
    "notify",
    "told",
    "analytics",
    "node",
    "router",
    "facts",
    "queue",
    "scoring",
    "start",
    "memory",
)
# Only when they are named: they install the packages of others.
ON_REQUEST = ("peers",)
app = typer.Typer()


@app.command()
def bench(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME]...",
            help=f"Of {', '.join(NAMES)}; none: all. Or {', '.join(ON_REQUEST)}, which installs packages.",
        ),
    ] = None,
    *,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure and print tables for docs/benchmarks.md; it takes minutes and wants an idle machine."""
    from infra.bench.machine import machine

    wanted = names or NAMES
    unknown = [name for name in wanted if name not in (*NAMES, *ON_REQUEST)]
    if unknown:
        there = ", ".join((*NAMES, *ON_REQUEST))
        raise ConfigError(f"no benchmark is called {unknown[0]}; there are {there}")
    if json:
        print_json({"machine": machine(), "tables": [asdict(_run(name)) for name in wanted]})
        return
    typer.echo(f"Measured on {machine()}.")
    for name in wanted:
        typer.echo(markdown(_run(name)))


def _run(name: str) -> "Table":
    table: Table = importlib.import_module(f"infra.bench.{name}").run()
    return table


def markdown(measured: "Table") -> str:
    """Return a section of docs/benchmarks.md."""
    from infra.docs.markdown import table

    note = f"\n{measured.note}\n" if measured.note else ""
    return f"\n### {measured.title}\n\n{table(measured.columns, measured.rows)}{note}"
