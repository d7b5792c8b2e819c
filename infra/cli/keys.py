"""``penstock keys``: who may call the API from other machines."""

from typing import Annotated

import typer

from infra.cli import context
from infra.cli.output import print_json, print_table

app = typer.Typer(help="Create, list and revoke keys of the API.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def create(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="What or who it is for.")],
    *,
    scope: Annotated[
        list[str] | None,
        typer.Option(help="What it may do besides reading: operate, to act on observations and alerts."),
    ] = None,
    json: Json = False,
) -> None:
    """Make a key and print it; it is shown once and kept nowhere."""
    from api.auth import KeyRing

    key = KeyRing(context.settings(ctx).data_dir).create(name, scope or ())
    if json:
        print_json({"name": name, "key": key})
    else:
        typer.echo(key)
        typer.echo("Keep it: it is not shown again. Send it as `Authorization: Bearer KEY`.", err=True)


@app.command("list")
def list_(ctx: typer.Context, *, json: Json = False) -> None:
    """List the keys: id, name, what they may do besides reading, when made and when revoked."""
    from api.auth import KeyRing

    keys = KeyRing(context.settings(ctx).data_dir).keys()
    columns = ("id", "name", "scopes", "created_at", "revoked_at")
    rows = [{column: getattr(key, column) for column in columns} for key in keys]
    if json:
        print_json(rows)
    else:
        cells = [[*row.values()] for row in ({**row, "scopes": ", ".join(row["scopes"])} for row in rows)]
        print_table([column.replace("_", " ") for column in columns], cells)


@app.command()
def revoke(ctx: typer.Context, name: Annotated[str, typer.Argument(help="Its name or id.")]) -> None:
    """End a key; it stops working at once."""
    from api.auth import KeyRing

    KeyRing(context.settings(ctx).data_dir).revoke(name)
    typer.echo(f"revoked {name}")
