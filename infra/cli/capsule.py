"""``penstock capsule``: an incident in one file, replayed anywhere."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli import context
from infra.cli.output import print_json, print_table

if TYPE_CHECKING:
    from processors.replay.capsule.create import Made
    from processors.replay.capsule.manifest import Manifest, Times
    from processors.replay.share import Report

app = typer.Typer(
    help="An incident in one file: make one, replay it anywhere, look into it.", no_args_is_help=True
)
File = Annotated[Path, typer.Argument(metavar="FILE", help="The capsule.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Jobs = Annotated[int, typer.Option(min=1, metavar="N", help="Processes.")]
Out = Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="The capsule to write.")]
_JOBS = os.cpu_count() or 1


@app.command()
def create(
    ctx: typer.Context,
    *,
    out: Out,
    observation: Annotated[
        str, typer.Option(metavar="ID", help="Of this observation: its node, from its onset to its end.")
    ] = "",
    alert: Annotated[str, typer.Option(metavar="ID", help="Of this alert: its fleet.")] = "",
    from_: Annotated[str, typer.Option("--from", metavar="T", help="Or a range: ISO, or -2h.")] = "",
    to: Annotated[str, typer.Option(metavar="T", help="The end of the range; none: the last record.")] = "",
    fleet: Annotated[str, typer.Option(metavar="FLEET", help="The nodes of this fleet.")] = "",
    node: Annotated[list[str] | None, typer.Option(metavar="NODE", help="This node; repeatable.")] = None,
    redact: Annotated[bool, typer.Option("--redact", help="Without names; it replays the same.")] = False,
    rules: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The rules of then, where they are others now.")
    ] = None,
    source: Annotated[
        str,
        typer.Option(metavar="stack|event_log|kafka|FILE", help="stack: event_log, Kafka for the newest."),
    ] = "stack",
    jobs: Jobs = _JOBS,
) -> None:
    """Write what an incident was judged from, and what was said of it, into one file."""
    from infra.capsule.asked import Options, source_opener, wish
    from infra.capsule.making import without_names
    from infra.capsule.texts import texts_of
    from processors.replay.capsule import create as making

    settings = context.settings(ctx)
    options = Options(observation, alert, from_, to, fleet, tuple(node or ()), rules)
    open_source = source_opener(source, settings)
    found = open_source()
    wanted = wish(open_source, found, settings, options)
    texts = texts_of(source, settings)
    with _progress(making.times(wanted.plan)) as report:

        def make(target: Path) -> "Made":
            return making.create(found, texts, wanted, target, jobs=jobs, report=report)

        made = without_names(make, out, jobs=jobs, report=report) if redact else make(out)
    _print_made(out, made)


@app.command()
def redact(file: File, *, out: Out, jobs: Jobs = _JOBS) -> None:
    """Write a capsule once more, without names; it replays the same."""
    from secrets import token_bytes

    from infra.capsule.making import SALT_BYTES
    from processors.replay.capsule.redaction.redact import redact as without_names

    with _progress(_manifest(file).times) as report:
        made = without_names(file, out, token_bytes(SALT_BYTES), jobs=jobs, report=report)
    _print_made(out, made)


@app.command()
def verify(file: File, *, jobs: Jobs = _JOBS, json: Json = False) -> None:
    """Replay a capsule here, without Kafka or ClickHouse; status 1 if it does not say the same."""
    from infra.capsule import report as words
    from processors.replay.capsule.verify import verify as run

    manifest = _manifest(file)
    with _progress(manifest.times) as report:
        found = run(file, jobs=jobs, report=report)
    if json:
        print_json(words.as_json(found))
    else:
        for line in (*words.head(file, manifest), *words.verdict(manifest, found.outcome, found.changed)):
            typer.echo(line)
        typer.echo(f"digest {found.outcome.digest.total()}")
        typer.echo(f"verdict: {'equal' if found.equal else 'not equal'}")
    if not found.equal:
        raise typer.Exit(1)


@app.command()
def info(file: File, *, json: Json = False) -> None:
    """Show what is in a capsule, without replaying it; its bytes are checked."""
    from infra.capsule import report as words
    from processors.replay.capsule.reader import Capsule

    with Capsule(file) as capsule:
        capsule.check()
        manifest = capsule.manifest
    if json:
        print_json({"digest": words.digest_of(manifest), **manifest.model_dump(mode="json")})
        return
    for line in words.head(file, manifest):
        typer.echo(line)
    print_table(words.COLUMNS, words.rows(manifest))
    for line in words.end(manifest):
        typer.echo(line)


@app.command()
def load(
    ctx: typer.Context,
    file: File,
    *,
    prefix: Annotated[
        str, typer.Option(metavar="P", help="Put before the name of each event to name its table.")
    ] = "capsule_",
) -> None:
    """Put a capsule into tables of ClickHouse, for SQL; each is made anew."""
    from infra.capsule.loading import load as run

    rows = run(file, prefix, context.settings(ctx))
    print_table(("table", "rows"), [(name, f"{count:,}") for name, count in rows.items()])


def _manifest(file: Path) -> "Manifest":
    from processors.replay.capsule.reader import Capsule

    with Capsule(file) as capsule:
        return capsule.manifest


@contextmanager
def _progress(times: "Times") -> "Iterator[Report]":
    """Show how far a replay is."""
    from rich.console import Console

    from infra.cli.progress import bar

    begins, ends = times.read_from, times.until
    with bar(Console(stderr=True), (ends - begins) / 1e6, begins) as shown:
        yield lambda at, count: shown.show((min(at, ends) - begins) / 1e6, count)


def _print_made(file: Path, made: "Made") -> None:
    from infra.capsule import report as words

    for line in words.head(file, made.manifest):
        typer.echo(line)
    for line in words.verdict(made.manifest, made.outcome, ()):
        typer.echo(line)
    for line in words.end(made.manifest):
        typer.echo(line)
    typer.echo(f"{file.stat().st_size / 1e6:.1f} MB")
