"""``penstock router``: one address for the models of all nodes."""

import gc

import typer

from infra.cli import context

app = typer.Typer()

_COLLECT = (10_000, 10, 10)
"""What a request makes is in no cycles, and goes as it ends: there is little to look for."""


@app.command()
def router(ctx: typer.Context) -> None:
    """Run the router until told to stop; requests under way may end."""
    from api.router.main import serve
    from infra.cli import service

    gc.freeze()  # what has been loaded stays: it is not looked through again and again
    gc.set_threshold(*_COLLECT)
    service.run(serve, context.settings(ctx), name="router")
