"""``penstock demo``: the telemetry of a small simulated fleet."""

import typer

from infra.cli import context

app = typer.Typer()


@app.command()
def demo(ctx: typer.Context) -> None:
    """Send the telemetry of a small simulated fleet until told to stop."""
    from infra.cli import service
    from producers.simulator.run import serve

    service.run(serve, context.settings(ctx), name="demo")
