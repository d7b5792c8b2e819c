"""``penstock api``: the query API."""

import typer

from infra.cli import context

app = typer.Typer()


@app.command()
def api(ctx: typer.Context) -> None:
    """Run the query API until told to stop."""
    from api.main import serve
    from infra.cli import service

    service.run(serve, context.settings(ctx), name="api")
