"""``penstock clock``: time passes for a silent partition too."""

import typer

from infra.cli import context

app = typer.Typer()


@app.command()
def clock(ctx: typer.Context) -> None:
    """Tell every partition the time until told to stop; one clock is enough, two do no harm."""
    from infra.cli import service
    from producers.clock import serve

    service.run(serve, context.settings(ctx), name="clock")
