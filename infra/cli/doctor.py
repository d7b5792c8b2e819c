"""``penstock doctor``: can this machine run Penstock, and what is to be done."""

from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

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
    ctx: typer.Context, *, json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False
) -> None:
    """Check what Penstock needs on this machine, and say what to do; status 1 if something is in the way."""
    from infra.doctor.finding import failed

    settings = context.settings(ctx)
    findings = [check(settings) for check in _checks()]
    if json:
        print_json([asdict(finding) for finding in findings])
    else:
        _show(findings)
    if failed(findings):
        raise typer.Exit(1)


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
    for finding in findings:
        console.print(f"{_MARKS[finding.verdict]}  {finding.check:<9} {escape(finding.detail)}")
        if finding.advice:
            console.print(f"{'':16}{escape(finding.advice)}")
