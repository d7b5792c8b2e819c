"""``penstock registry``: the embedded schema registry."""

import typer

from infra.cli import context

app = typer.Typer()


@app.command()
def registry(ctx: typer.Context) -> None:
    """Run the embedded schema registry until it is told to stop."""
    from infra.cli import service
    from infra.embedded.registry import serve

    service.run(serve, context.settings(ctx), name="registry")
