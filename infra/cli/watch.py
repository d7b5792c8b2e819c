"""``penstock watch``: nodes, observations and alerts, live."""

from typing import Annotated

import typer

from infra.cli import context

app = typer.Typer()


@app.command()
def watch(
    ctx: typer.Context,
    *,
    fleet: Annotated[str, typer.Option(help="Only this fleet.")] = "",
    node: Annotated[str, typer.Option(help="Only this node.")] = "",
    once: Annotated[bool, typer.Option("--once", help="Print one screen and end.")] = False,
    url: Annotated[str, typer.Option(help="Another API than that of the settings.")] = "",
) -> None:
    """Watch nodes, observations and alerts live; q or Ctrl-C leaves.

    Away from a terminal, one line for each thing that changes.
    """
    import asyncio

    from rich.console import Console

    from infra.cli.asking.answers import address
    from infra.watch import run
    from infra.watch.reader import Place

    settings = context.settings(ctx).api
    place = Place(url.rstrip("/") or address(settings), fleet, node)
    show = run.once if once else run.watch
    asyncio.run(show(settings, place, Console(highlight=False)))
