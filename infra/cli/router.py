"""``penstock router``: one address for the models of all nodes."""

import typer

from infra.cli import context

app = typer.Typer()


@app.command()
def router(ctx: typer.Context) -> None:
    """Run the router until told to stop; requests under way may end."""
    from api.router.main import serve
    from infra.cli import service

    service.run(serve, context.settings(ctx), name="router")
