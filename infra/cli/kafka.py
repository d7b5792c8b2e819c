"""``penstock kafka``: the embedded broker."""

import typer

from infra.cli import context

app = typer.Typer()


@app.command()
def kafka(ctx: typer.Context) -> None:
    """Run the embedded Kafka broker until it is told to stop."""
    from infra.cli import service
    from infra.embedded.kafka import serve

    service.run(serve, context.settings(ctx), name="kafka")
