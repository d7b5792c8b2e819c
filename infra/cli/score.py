"""``penstock score``: labelled scenarios through engine and stages, and how well they were judged."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.output import print_json, print_table
from schemas.errors import ConfigError

if TYPE_CHECKING:
    from infra.score.every import Scored
    from infra.score.table import Score
    from producers.simulator.scenario.model import Scenario

DOCUMENT = Path("docs") / "detections.md"
PART = "score"
app = typer.Typer()


@app.command()
def score(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[SCENARIO]...",
            help="Files, folders or names; none: tests/scenarios in a checkout, else the shipped ones.",
        ),
    ] = None,
    *,
    jobs: Annotated[int, typer.Option(min=1, metavar="N", help="Processes.")] = os.cpu_count() or 1,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    write_docs: Annotated[
        bool, typer.Option("--write-docs", help="Put the table into docs/detections.md.")
    ] = False,
) -> None:
    """Score the detections by labelled scenarios; status 1 if one is missed, or one too many."""
    from infra.score.every import score as run
    from infra.score.known import known
    from infra.score.table import scores
    from infra.score.timing import Stopwatch

    scenarios = _scenarios(names or [])
    if write_docs:
        _require_part()
    found = run(scenarios, jobs=jobs, done=_tell)
    stopwatch = Stopwatch()
    for one in found:
        stopwatch.add(one.stopwatch)
    subjects = [(kind, id_) for kind, ids in known().items() for id_ in ids]
    table = scores([one.verdict for one in found], subjects, stopwatch.medians_us())
    lines = [line for one in found for line in one.verdict.lines]
    if write_docs:
        _write(table)
    _print(table, lines, found, json=json)
    if lines:
        raise typer.Exit(1)


def _scenarios(names: list[str]) -> "list[Scenario]":
    from infra.score.known import known
    from producers.simulator.scenario.read import read
    from producers.simulator.scenario.shipped import LABELLED, find
    from producers.simulator.scenario.shipped import scenarios as in_folder

    if names:
        folders = {name: in_folder(Path(name)) for name in names if Path(name).is_dir()}
        paths = [
            path for name in names for path in (folders[name].values() if name in folders else [find(name)])
        ]
    else:
        paths = list((in_folder(LABELLED) or in_folder()).values())
    found = [read(path, known()) for path in dict.fromkeys(paths)]
    unlabelled = [one.name for one in found if not one.labelled]
    if unlabelled and names:
        raise ConfigError(
            f"{unlabelled[0]} has no labels: give it expect, which is [] if nothing may be noticed"
        )
    labelled = [one for one in found if one.labelled]
    if not labelled:
        raise ConfigError("there is no labelled scenario here; name one")
    return labelled


def _tell(one: "Scored") -> None:
    off = len(one.verdict.lines)
    result = "right" if not off else f"{off} off"
    typer.echo(f"{one.verdict.scenario}: {result}, {one.took_s:.1f} s", err=True)


def _print(table: "list[Score]", lines: list[str], found: "list[Scored]", *, json: bool) -> None:
    from infra.score.table import COLUMNS, as_json, rows

    if json:
        runs = [
            {"scenario": one.verdict.scenario, "took_s": one.took_s, "off": one.verdict.lines}
            for one in found
        ]
        print_json({"detections": as_json(table), "scenarios": runs})
        return
    print_table(COLUMNS, rows(table))
    for line in lines:
        typer.echo(line)


def _require_part() -> None:
    """Find out before the work whether the table has a place to go."""
    text = DOCUMENT.read_text("utf-8") if DOCUMENT.is_file() else ""
    if f"<!-- {PART} -->\n" not in text:
        raise ConfigError(
            f"{DOCUMENT} has no part <!-- {PART} --> ... <!-- /{PART} -->; run this in the root of a checkout"
        )


def _write(table: "list[Score]") -> None:
    from infra.docs.markdown import replace_part
    from infra.docs.markdown import table as markdown
    from infra.score.table import COLUMNS, rows

    text = DOCUMENT.read_text("utf-8")
    DOCUMENT.write_text(replace_part(text, PART, markdown(COLUMNS, rows(table))), "utf-8")
