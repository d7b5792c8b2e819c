"""``penstock channels``: where notifications go."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from infra.cli.asking.opened import documents
from infra.cli.output import print_json, print_table

app = typer.Typer(help="List, make, try and delete channels of notifications.", no_args_is_help=True)
Id = Annotated[str, typer.Argument(metavar="ID", help="Id of the channel.")]
File = Annotated[Path, typer.Argument(metavar="FILE", help="A TOML file with [[channels]].")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Url = Annotated[str, typer.Option(help="Another API than that of the settings.")]


@app.command("list")
def list_(ctx: typer.Context, *, json: Json = False, url: Url = "") -> None:
    """List the channels; of secrets only that they are set."""
    with documents(ctx, url) as client:
        found = client.get("channels")["channels"]
    if json:
        print_json({"channels": found})
        return
    print_table(("id", "kind", "to", "revision", "by"), (_row(each) for each in found))


@app.command()
def show(ctx: typer.Context, channel: Id, *, url: Url = "") -> None:
    """Print one channel as JSON; of secrets only that they are set."""
    with documents(ctx, url) as client:
        print_json(client.one("channels", channel))


@app.command()
def apply(ctx: typer.Context, file: File, *, json: Json = False, url: Url = "") -> None:
    """Make the channels of a file hold. Secrets that are made are printed this once."""
    from infra.cli.asking.documents import read

    channels = read(file, "channels")
    with documents(ctx, url) as client:
        found = [client.put("channels", channel) for channel in channels]
    if json:
        print_json({"channels": found})
        return
    for each in found:
        name = each["channel"]["id"]
        typer.echo(f"{name} holds, revision {each['revision']}")
        for secret, value in each["secrets"].items():
            typer.echo(f"    its {secret} is {value}  (shown this once)")
        for warning in each["warnings"]:
            typer.echo(f"    {warning}")


@app.command()
def delete(ctx: typer.Context, channel: Id, *, url: Url = "") -> None:
    """Delete a channel; what is due for it is recorded as dropped."""
    with documents(ctx, url) as client:
        client.delete("channels", channel)
    typer.echo(f"{channel} is deleted")


@app.command("test")
def try_(ctx: typer.Context, channel: Id, *, json: Json = False, url: Url = "") -> None:
    """Send a message that says that it is a test, and print what the receiver said."""
    with documents(ctx, url) as client:
        found = client.test(channel)
    if json:
        print_json(found)
    else:
        status = f" {found['status']}" if found["status"] else ""
        said = f": {found['said']}" if found["said"] else ""
        typer.echo(f"{found['verdict']} in {found['took_ms']:g} ms{status}{said}")
    if found["verdict"] != "delivered":
        raise typer.Exit(1)


def _row(shown: Mapping[str, Any]) -> tuple[object, ...]:
    channel = shown["channel"]
    settings = channel.get("settings", {})
    to = settings.get("url") or ", ".join(settings.get("to", ())) or settings.get("host", "")
    name = channel["id"] if channel["enabled"] else f"{channel['id']} (off)"
    return name, channel["kind"], to, shown["revision"], shown["by"]
