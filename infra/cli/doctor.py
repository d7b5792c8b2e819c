"""``penstock doctor``: can this machine run Penstock, and what is to be done."""

from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from infra.cli import context
from infra.cli.output import print_json

if TYPE_CHECKING:
    from infra.doctor.finding import Finding
    from schemas.settings import Settings

app = typer.Typer()
_MARKS = {"ok": "[green]ok[/]  ", "warn": "[yellow]warn[/]", "fail": "[red]FAIL[/]"}


@app.command()
def doctor(
    ctx: typer.Context,
    part: Annotated[
        Literal["all", "node"], typer.Argument(help="node: what the agent measures here, what not and why.")
    ] = "all",
    *,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check what Penstock needs on this machine, and say what to do; status 1 if something is in the way."""
    from infra.doctor.finding import failed

    findings = _findings(context.settings(ctx), part)
    if json:
        print_json([asdict(finding) for finding in findings])
    else:
        _show(findings)
    if failed(findings):
        raise typer.Exit(1)


def _findings(settings: "Settings", part: str) -> "list[Finding]":
    if part == "node":
        from infra.doctor import node

        return list(node.checks(settings))
    return [check(settings) for check in _checks()]


def _checks() -> "tuple[Callable[[Settings], Finding], ...]":
    from infra.doctor import accelerators, machine, runtimes, services

    return (
        machine.java,
        machine.data_dir,
        machine.disk,
        machine.clock,
        accelerators.nvml,
        runtimes.runtimes,
        services.ports,
        services.kafka,
        services.store,
        services.registry,
    )


def _show(findings: "list[Finding]") -> None:
    from rich.console import Console
    from rich.markup import escape

    console = Console(highlight=False, soft_wrap=True)
    width = max(9, *(len(finding.check) for finding in findings))
    for finding in findings:
        console.print(f"{_MARKS[finding.verdict]}  {finding.check:<{width}} {escape(finding.detail)}")
        if finding.advice:
            console.print(f"{'':{width + 7}}{escape(finding.advice)}")
