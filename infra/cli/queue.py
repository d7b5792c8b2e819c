"""``penstock queue``: the router's queue, live; and what operators do to it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli import context
from infra.cli.output import print_json, print_table
from schemas.errors import RefusedError, UnavailableError

if TYPE_CHECKING:
    from infra.cli.asking.queue import QueueClient

app = typer.Typer(help="Watch the router's queue; cancel requests, pause and drain nodes.")
Node = Annotated[str, typer.Argument(help="The node's name; `penstock queue nodes` lists them.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Url = Annotated[
    str, typer.Option("--url", help="The router's address, where it is not that of the settings.")
]


@app.callback(invoke_without_command=True)
def queue(
    ctx: typer.Context,
    *,
    once: Annotated[bool, typer.Option("--once", help="Show it once, and end.")] = False,
    interval: Annotated[float, typer.Option(help="Seconds between looks.", min=0.1, max=3600)] = 1.0,
    tickets: Annotated[
        int, typer.Option(help="Waiting requests that are listed at most.", min=0, max=10_000)
    ] = 20,
    json: Json = False,
    url: Url = "",
) -> None:
    """Show models, pools, keys and who waits for what, until interrupted; to a pipe, once."""
    from rich.console import Console

    from infra.cli.asking.queue_view import view

    if ctx.invoked_subcommand is not None:
        return
    with _client(ctx, url) as router:
        status = router.status(tickets)
        if json:
            print_json(status)
        elif once or not Console().is_terminal:
            Console(width=None if Console().is_terminal else 200, highlight=False).print(view(status))
        else:
            _watch(router, interval, tickets)


@app.command()
def cancel(
    ctx: typer.Context,
    requests: Annotated[list[str], typer.Argument(metavar="REQUEST...", help="Ids of requests that wait.")],
    *,
    url: Url = "",
) -> None:
    """Take requests out of the queue; their callers are told."""
    with _client(ctx, url) as router:
        for request_id in requests:
            row = router.cancel(request_id)
            typer.echo(f"cancelled {row['cancelled']}, for {row['model']}")


@app.command("cancel-all")
def cancel_all(
    ctx: typer.Context,
    *,
    model: Annotated[str, typer.Option(help="Only those for this model.")] = "",
    key: Annotated[str, typer.Option(help="Only those of this key, by its id.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask, where neither is given.")] = False,
    url: Url = "",
) -> None:
    """Take out all requests that wait, or those for a model, of a key, or both."""
    if not (model or key or yes):
        typer.confirm("Cancel everything that waits?", abort=True)
    with _client(ctx, url) as router:
        typer.echo(f"cancelled {router.cancel_all(model, key)['count']}")


@app.command()
def nodes(ctx: typer.Context, *, json: Json = False, url: Url = "") -> None:
    """List the nodes, what they have in flight, and which are paused."""
    with _client(ctx, url) as router:
        rows = router.nodes()
    if json:
        print_json(rows)
    else:
        columns = ("node_id", "in_flight", "paused", "drained")
        print_table(
            ("node", "in flight", "paused", "drained"), [[row[each] for each in columns] for row in rows]
        )


@app.command()
def pause(ctx: typer.Context, node: Node, *, url: Url = "") -> None:
    """Send a node no new requests until it is resumed, or the router ends."""
    with _client(ctx, url) as router:
        row = router.node(node, "pause")
    typer.echo(f"{node} is paused; {row['in_flight']} in flight may end")


@app.command()
def resume(ctx: typer.Context, node: Node, *, url: Url = "") -> None:
    """Send a node requests again."""
    with _client(ctx, url) as router:
        router.node(node, "resume")
    typer.echo(f"{node} gets requests again")


@app.command()
def drain(
    ctx: typer.Context,
    node: Node,
    *,
    wait: Annotated[float, typer.Option(help="Seconds to wait for it to be empty.", min=0, max=600)] = 600.0,
    url: Url = "",
) -> None:
    """Pause a node and wait until it has nothing in flight; status 1 where it still has."""
    with _client(ctx, url) as router:
        row = router.node(node, "drain", wait)
    if not row["paused"]:
        raise RefusedError(f"{node} was resumed meanwhile")
    if not row["drained"]:
        raise UnavailableError(
            f"{node} is paused, and still has {row['in_flight']} in flight after {wait:g} s"
        )
    typer.echo(f"{node} is paused and empty")


@app.command()
def warm(
    ctx: typer.Context,
    model: Annotated[str, typer.Argument(help="The model, as clients name it.")],
    *,
    node: Annotated[str, typer.Option(help="Where; otherwise where there is most room.")] = "",
    wait: Annotated[float, typer.Option(help="Seconds to wait for it.", min=0, max=3600)] = 600.0,
    url: Url = "",
) -> None:
    """Have a model loaded ahead by an Ollama, and wait until it is in memory."""
    with _client(ctx, url) as router:
        row = router.warm(model, node, wait)
    where = f" at {row['node_id']}" if row["node_id"] else ""
    typer.echo(f"{model} is in memory{where}" + (f", after {row['took_s']:g} s" if row["took_s"] else ""))


@app.command()
def pulls(ctx: typer.Context, *, json: Json = False, url: Url = "") -> None:
    """List the models that are being pulled, and how far they are."""
    with _client(ctx, url) as router:
        rows = router.pulls()
    if json:
        print_json(rows)
    else:
        columns = ("model", "upstream", "status", "completed", "total")
        print_table(columns, [[row[each] for each in columns] for row in rows])


def _watch(router: "QueueClient", interval_s: float, tickets: int) -> None:
    from rich.live import Live
    from rich.text import Text

    from infra.cli.asking.queue_view import view

    with Live(screen=True, auto_refresh=False) as live:
        while True:
            try:
                live.update(view(router.status(tickets)), refresh=True)
            except UnavailableError as exc:
                live.update(Text(str(exc), style="red"), refresh=True)
            time.sleep(interval_s)


@contextmanager
def _client(ctx: typer.Context, url: str) -> Iterator["QueueClient"]:
    from infra.cli.asking.queue import QueueClient

    client = QueueClient(context.settings(ctx), url)
    try:
        yield client
    finally:
        client.close()
