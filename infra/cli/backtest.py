"""``penstock backtest``: rules tried on what was recorded."""

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli import context
from infra.cli.output import print_json, print_table
from schemas.errors import ConfigError

if TYPE_CHECKING:
    from processors.replay.backtest.answer import Answer, Question
    from processors.replay.backtest.run import Sources

app = typer.Typer()


@app.command()
def backtest(
    ctx: typer.Context,
    *,
    rules: Annotated[
        str, typer.Option(metavar="FILE|current|defaults", help="The rules to try: thresholds in TOML.")
    ],
    from_: Annotated[
        str, typer.Option("--from", metavar="T", help="ISO 8601, or -7d; of a file by default all it has.")
    ] = "",
    to: Annotated[str, typer.Option(metavar="T", help="The end of the range; now by default.")] = "",
    against: Annotated[
        str, typer.Option(metavar="FILE|current|defaults|none", help="The rules to hold them against.")
    ] = "current",
    labels: Annotated[
        Path | None, typer.Option(metavar="FILE", help="What must be noticed, in YAML: gives recall.")
    ] = None,
    source: Annotated[
        str, typer.Option(metavar="event_log|kafka|FILE", help="Where the panes come from.")
    ] = "event_log",
    node: Annotated[list[str] | None, typer.Option(metavar="NODE", help="This node; repeatable.")] = None,
    fleet: Annotated[list[str] | None, typer.Option(metavar="FLEET", help="This fleet; repeatable.")] = None,
    only: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="This pattern or alert; repeatable.")
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Judge every pattern and alert, not only those that differ.")
    ] = False,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE.svg|png", help="Draw when each fired, at which node.")
    ] = None,
    fail_if: Annotated[
        str, typer.Option(metavar="EXPR", help="Status 1 if it holds, such as: recall < 1 or gained > 3")
    ] = "",
    jobs: Annotated[int, typer.Option(min=1, metavar="N", help="Processes.")] = os.cpu_count() or 1,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Try rules on what was recorded: what they would have told, and what the rules of now did not."""
    from infra.backtest.asked import question, range_of
    from infra.plot.files import check
    from infra.replay.opening import EVENT_LOG, opener
    from processors.replay.backtest.as_json import as_json, figures
    from processors.replay.backtest.fail_if import parse
    from processors.replay.backtest.quickest import of_clickhouse
    from processors.replay.backtest.run import FeedOf, Sources

    settings = context.settings(ctx)
    begins, ends = range_of(settings, source, from_, to)
    asked = question(
        settings, rules=rules, against=against, begins=begins, ends=ends, labels=labels, only=only or (),
        every=every, nodes=node or (), fleets=fleet or (),
    )  # fmt: skip
    condition = parse(fail_if) if fail_if else None
    if condition is not None:
        _answerable(condition.names, labelled=asked.labels is not None, compared=asked.old is not None)
    if plot is not None:
        check(plot)
    if source == EVENT_LOG:
        sources = of_clickhouse(settings, asked)
    else:
        open_source = opener(source, settings)
        sources = Sources(open_source, FeedOf(open_source))
    answer, took_s = _run(asked, sources, jobs)
    if plot is not None:
        from infra.backtest.plot import draw

        draw(answer, plot)
    if json:
        print_json({**as_json(answer), "took_s": took_s})
    else:
        _print(answer, took_s)
    if condition is not None and condition.holds(figures(answer)):
        typer.echo(f"failed: {condition.text}", err=True)
        raise typer.Exit(1)


def _run(asked: "Question", sources: "Sources", jobs: int) -> "tuple[Answer, float]":
    from rich.console import Console

    from infra.cli.progress import bar
    from processors.replay.backtest.run import run

    length_s = (asked.until - asked.since) / 1e6
    began_s = time.perf_counter()
    with bar(Console(stderr=True), length_s, asked.since) as shown:

        def report(_what: str, share: float, panes: int) -> None:
            shown.show(share * length_s, panes)

        answer = run(asked, sources, jobs=jobs, report=report)
    return answer, max(time.perf_counter() - began_s, 1e-3)


def _answerable(names: frozenset[str], *, labelled: bool, compared: bool) -> None:
    """Refuse a condition about what is not measured: it would never hold, and CI would not notice."""
    from processors.replay.backtest.fail_if import COMPARED, LABELLED

    for name in sorted(names):
        if name in LABELLED and not labelled:
            raise ConfigError(f"--fail-if names {name}, which needs --labels")
        if name in COMPARED and not compared:
            raise ConfigError(f"--fail-if names {name}, which needs rules to hold against: --against")


def _print(answer: "Answer", took_s: float) -> None:
    from infra.backtest import report

    for line in report.head(answer):
        typer.echo(line)
    columns, rows = report.table(answer)
    if rows:
        print_table(columns, rows)
    for lines in (report.silent, report.differences, report.labelled):
        for line in lines(answer):
            typer.echo(line)
    for line in report.end(answer, took_s):
        typer.echo(line)
