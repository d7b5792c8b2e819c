"""``penstock worker``: the stages."""

import typer

from infra.cli import context

app = typer.Typer()


@app.command()
def worker(ctx: typer.Context) -> None:
    """Run the stages until told to stop; any number of workers share the partitions."""
    from processors.faust.worker import serve

    from infra.cli import service

    service.run(serve, context.settings(ctx), name="worker")
