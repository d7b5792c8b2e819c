"""``penstock sink``: from Kafka into ClickHouse."""

import typer

from infra.cli import context

app = typer.Typer()


@app.command()
def sink(ctx: typer.Context) -> None:
    """Write every topic to ClickHouse until told to stop; any number of sinks share the partitions."""
    from infra.cli import service
    from sinks.clickhouse.serve import serve

    service.run(serve, context.settings(ctx), name="sink")
