"""``penstock worker``: the stages."""

from typing import TYPE_CHECKING

import typer

from infra.cli import context

if TYPE_CHECKING:
    from schemas.settings import Settings

app = typer.Typer()


@app.command()
def worker(ctx: typer.Context) -> None:
    """Run the stages until told to stop; any number of workers share the partitions."""
    from infra.cli import service

    service.run(_serve, context.settings(ctx), name="worker")


def _serve(settings: "Settings") -> int:
    from processors.faust.worker import serve
    from processors.node.stage import NodeStage

    return serve(settings, (NodeStage(settings.worker.pue),))
