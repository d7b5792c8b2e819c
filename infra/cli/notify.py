"""``penstock notify``: what became of notifications, and another try of those that were given up."""

from typing import Annotated

import typer

from infra.cli import context
from infra.cli.output import print_json, print_table

app = typer.Typer(help="Deliver again what channels could not be told.", no_args_is_help=True)


@app.callback()
def notify() -> None:
    """Deliver again what channels could not be told."""


@app.command()
def redeliver(
    ctx: typer.Context,
    *,
    channel: Annotated[str, typer.Option(help="Of this channel alone.")] = "",
    since: Annotated[
        str, typer.Option(help="Given up in so long a time: 90s, 15m, 2h, 7d; left out: ever.")
    ] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be delivered again.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Deliver again what was refused or given up; what is over by now is not opened again."""
    import asyncio
    import time

    from infra.cli.asking.durations import seconds
    from sinks.notify.redeliver import Wanted
    from sinks.notify.redeliver import redeliver as deliver_again

    now_us = time.time_ns() // 1000
    wanted = Wanted(channel, now_us - seconds(since) * 1_000_000 if since else 0)
    found = asyncio.run(deliver_again(context.settings(ctx), wanted, now_us, dry_run=dry_run))
    rows = [(one.channel_id, one.notification.kind, one.notification.title) for one in found.again]
    if json:
        names = ("channel", "kind", "title")
        again = [dict(zip(names, row, strict=True)) for row in rows]
        print_json({"again": again, "over": found.over, "dry_run": dry_run})
        return
    if rows:
        print_table(("channel", "what", "title"), rows)
    verb = "would be" if dry_run else "are"
    typer.echo(f"{len(rows)} messages {verb} delivered again; {found.over} are over by now and are not.")
