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
    json: Json = False,
) -> None:
    """Make a key and print it; it is shown once and kept nowhere."""
    from api.auth import KeyRing

    key = KeyRing(context.settings(ctx).data_dir).create(name)
    if json:
        print_json({"name": name, "key": key})
    else:
        typer.echo(key)
        typer.echo("Keep it: it is not shown again. Send it as `Authorization: Bearer KEY`.", err=True)


@app.command("list")
def list_(ctx: typer.Context, *, json: Json = False) -> None:
    """List the keys: id, name, when made and when revoked."""
    from api.auth import KeyRing

    keys = KeyRing(context.settings(ctx).data_dir).keys()
    columns = ("id", "name", "created_at", "revoked_at")
    rows = [{column: getattr(key, column) for column in columns} for key in keys]
    if json:
        print_json(rows)
    else:
        print_table([column.replace("_", " ") for column in columns], [list(row.values()) for row in rows])


@app.command()
def revoke(ctx: typer.Context, name: Annotated[str, typer.Argument(help="Its name or id.")]) -> None:
    """End a key; it stops working at once."""
    from api.auth import KeyRing

    KeyRing(context.settings(ctx).data_dir).revoke(name)
    typer.echo(f"revoked {name}")
