"""``penstock store``: the embedded ClickHouse."""

import typer

from infra.cli import context

app = typer.Typer()


@app.command()
def store(ctx: typer.Context) -> None:
    """Run the embedded ClickHouse until it is told to stop."""
    from infra.cli import service
    from infra.embedded.clickhouse.server import serve

    service.run(serve, context.settings(ctx), name="store")
