"""``penstock as-of``: what was so at a moment, as it was known then, or is known now."""

from typing import Annotated

import typer

from infra.cli import context
from infra.cli.output import print_json

app = typer.Typer()


@app.command()
def as_of(
    ctx: typer.Context,
    t: Annotated[
        str, typer.Argument(metavar="T", help="The moment: -1h, 2026-01-31T03:12:00Z, seconds since 1970.")
    ],
    *,
    known_at: Annotated[
        str, typer.Option(help="Leave out what arrived later: a moment as T, or then: the same as T.")
    ] = "now",
    node: Annotated[str, typer.Option(help="Only this node.")] = "",
    fleet: Annotated[str, typer.Option(help="Only this fleet.")] = "",
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    url: Annotated[str, typer.Option(help="Another API than that of the settings.")] = "",
) -> None:
    """Show what each node did at a moment, and which observations and alerts stood.

    With --known-at then, only what was known at that moment.
    """
    from infra.cli.asking.once import get

    asked = {"t": t, "known_at": known_at, "node": node, "fleet": fleet}
    found = get(context.settings(ctx).api, "/as-of", asked, url)
    if json:
        print_json(found)
        return
    from rich.console import Console

    from infra.cli.asking.as_of_table import show

    show(Console(highlight=False), found)
