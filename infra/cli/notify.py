"""``penstock notify``: what became of notifications, and another try of those that were given up."""

from typing import Annotated, Any

import typer

from infra.cli import context
from infra.cli.asking.opened import documents
from infra.cli.output import print_json, print_table

app = typer.Typer(
    help="Show what channels were told, and deliver again what they were not.", no_args_is_help=True
)


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
    verb = "Would be delivered" if dry_run else "Delivered"
    typer.echo(f"{verb} again: {len(rows)}. Over by now, and therefore not: {found.over}.")


@app.command("list")
def list_(
    ctx: typer.Context,
    *,
    rule: Annotated[str, typer.Option(help="Of this rule alone.")] = "",
    channel: Annotated[str, typer.Option(help="Of this channel alone.")] = "",
    since: Annotated[str, typer.Option(help="From then on: -1h, -7d, a time.")] = "-1d",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Most lines.")] = 50,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    url: Annotated[str, typer.Option(help="Another API than that of the settings.")] = "",
) -> None:
    """List what people and programs were told, the newest first."""
    found = _asked(ctx, url, "notifications", rule=rule, channel=channel, since=since, limit=limit)
    if json:
        print_json({"notifications": found})
        return
    columns = ("when", "what", "rule", "title", "delivered", "waiting", "failed", "why")
    print_table(
        columns,
        (
            (
                *(each[name] for name in ("occurred_at", "kind", "rule_id", "title")),
                *(", ".join(each[name]) for name in ("delivered", "waiting", "failed")),
                each["last_error"],
            )
            for each in found
        ),
    )


@app.command()
def deliveries(
    ctx: typer.Context,
    *,
    rule: Annotated[str, typer.Option(help="Of this rule alone.")] = "",
    channel: Annotated[str, typer.Option(help="Of this channel alone.")] = "",
    outcome: Annotated[
        str, typer.Option(help="Only those that ended so: delivered, retrying, refused, gave_up, dropped.")
    ] = "",
    since: Annotated[str, typer.Option(help="From then on: -1h, -7d, a time.")] = "-1d",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Most lines.")] = 50,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    url: Annotated[str, typer.Option(help="Another API than that of the settings.")] = "",
) -> None:
    """List each try to tell a channel, and what its receiver said; the newest first."""
    found = _asked(
        ctx, url, "deliveries", rule=rule, channel=channel, outcome=outcome, since=since, limit=limit
    )
    if json:
        print_json({"deliveries": found})
        return
    columns = ("occurred_at", "rule_id", "channel_id", "attempt", "outcome", "status", "took_ms", "error")
    print_table(columns, ([each[column] for column in columns] for each in found))


def _asked(ctx: typer.Context, url: str, what: str, **asked: str | int) -> list[dict[str, Any]]:
    with documents(ctx, url) as client:
        found: list[dict[str, Any]] = client.get(what, **asked)[what]
    return found
