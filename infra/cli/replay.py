"""``penstock replay``: a range of the log through the stages once more."""

import math
import os
import time
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli import context
from infra.cli.output import print_json, print_table
from schemas.errors import ConfigError

if TYPE_CHECKING:
    from processors.replay.outcome import Outcome
    from processors.replay.prepare import Prepared
    from processors.replay.replay import Replay
    from schemas.settings import Settings

app = typer.Typer()


@app.command()
def replay(
    ctx: typer.Context,
    *,
    from_: Annotated[
        str, typer.Option("--from", metavar="T", help="ISO, -2h, or TOPIC[P]@OFFSET; none: the first record.")
    ] = "",
    to: Annotated[str, typer.Option(metavar="T", help="The end of the range; none: the last record.")] = "",
    node: Annotated[list[str] | None, typer.Option(metavar="NODE", help="This node; repeatable.")] = None,
    fleet: Annotated[str, typer.Option(metavar="FLEET", help="The nodes of this fleet.")] = "",
    stages: Annotated[
        str, typer.Option(metavar="A,B", help="Of node, request, pattern, fleet; none: all.")
    ] = "",
    speed: Annotated[str, typer.Option(metavar="N|max", help="Log time per time.")] = "max",
    into: Annotated[
        str, typer.Option(metavar="FILE|topics:PREFIX|table:PREFIX", help="Where what is said goes.")
    ] = "",
    compare: Annotated[
        str, typer.Option(metavar="live", help="Compare with what was said live; status 1 if it differs.")
    ] = "",
    as_of: Annotated[
        str, typer.Option(metavar="T", help="Leave out facts that arrived later, and say what they change.")
    ] = "",
    source: Annotated[
        str, typer.Option(metavar="kafka|event_log|FILE", help="Where the records come from.")
    ] = "event_log",
    warm_up: Annotated[
        str, typer.Option(metavar="LENGTH", help="So long before the range, instead of what is needed.")
    ] = "",
    lag: Annotated[
        str, typer.Option(metavar="LENGTH", help="How far the workers may have been behind, live.")
    ] = "15m",
    jobs: Annotated[int, typer.Option(min=1, metavar="N", help="Processes.")] = os.cpu_count() or 1,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Replay a range of the log through the stages: the same code, the same facts, the same knowledge."""
    from infra.replay import report
    from infra.replay.asked import asked_for, built
    from infra.replay.opening import opener
    from infra.replay.pace import Pace
    from processors.replay.prepare import prepare
    from processors.replay.replay import Replay

    if compare not in ("", "live"):
        raise ConfigError(f"--compare {compare}: it is live")
    settings = context.settings(ctx)
    rate = _speed(speed)
    open_source = opener(source, settings)
    names = tuple(name.strip() for name in stages.split(",") if name.strip())
    build = partial(built, settings, names, whole=not node)
    found = open_source()
    asked = asked_for(
        found, settings, begins=from_, ends=to, as_of=as_of, warm_up=warm_up, lag=lag,
        nodes=node or (), fleet=fleet, compare=bool(compare), keep=bool(into),
    )  # fmt: skip
    prepared = prepare(found, build(), asked)
    if not json:
        for line in report.head(found.name, prepared):
            typer.echo(line)
    paced = math.isfinite(rate)
    pace = Pace(prepared.plan.begins, rate) if paced else None
    run = Replay(open_source, build, prepared.plan, 1 if paced else jobs, pace)
    outcome, took_s = _run(run, prepared, into, settings)
    _print(found.name, prepared, outcome, took_s, json=json)
    if prepared.plan.compare and not outcome.verdict.equal:
        raise typer.Exit(1)


def _run(run: "Replay", prepared: "Prepared", into: str, settings: "Settings") -> "tuple[Outcome, float]":
    """Run it with a bar; what goes elsewhere is complete when this returns, or is not there."""
    from rich.console import Console

    from infra.cli.progress import bar

    plan = prepared.plan
    began_s = time.perf_counter()
    with bar(Console(stderr=True), (plan.ends - plan.since) / 1e6, plan.since) as shown:

        def report(at: int, count: int) -> None:
            shown.show((min(at, plan.ends) - plan.since) / 1e6, count)

        if into:
            # It brings along Kafka's, the registry's and the store's clients.
            from infra.replay.into import into as opened

            with opened(into, plan, settings) as writer:
                outcome = run.run(take=writer.take, report=report)
        else:
            outcome = run.run(report=report)
    return outcome, max(time.perf_counter() - began_s, 1e-3)


def _print(source: str, prepared: "Prepared", outcome: "Outcome", took_s: float, *, json: bool) -> None:
    from infra.replay import report

    if json:
        print_json(report.as_json(source, prepared, outcome, took_s))
        return
    print_table(*report.table(outcome, compared=prepared.plan.compare))
    for line in report.end(prepared, outcome, took_s):
        typer.echo(line)


def _speed(text: str) -> float:
    if text == "max":
        return math.inf
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not 0 < found < math.inf:
        raise ConfigError(f"--speed {text}: it is a number above 0, or max")
    return found
