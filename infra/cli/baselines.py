"""``penstock baselines``: what each node's efficiency has been, for the fleet stage to compare with."""

import typer

from infra.cli import context

app = typer.Typer()


@app.command()
def baselines(ctx: typer.Context) -> None:
    """Tell the fleet stage each hour how efficient each node has been; one is enough, two do no harm."""
    from infra.cli import service
    from producers.baselines.job import serve

    service.run(serve, context.settings(ctx), name="baselines")
