"""``penstock worker``: the stages."""

import logging
from typing import TYPE_CHECKING

import typer

from infra.cli import context

if TYPE_CHECKING:
    from schemas.settings import Settings

logger = logging.getLogger(__name__)

app = typer.Typer()


@app.command()
def worker(ctx: typer.Context) -> None:
    """Run the stages until told to stop; any number of workers share the partitions."""
    from infra.cli import service

    service.run(_serve, context.settings(ctx), name="worker")


def _serve(settings: "Settings") -> int:
    from infra.compile import compiled
    from processors.faust.worker import serve
    from processors.topology import all_stages

    logger.info("the node stage runs %s", "compiled" if compiled() else "interpreted")
    return serve(settings, all_stages(settings))
