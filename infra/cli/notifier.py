"""``penstock notifier``: notifications to their channels."""

import typer

from infra.cli import context

app = typer.Typer()


@app.command()
def notifier(ctx: typer.Context) -> None:
    """Send what is due to webhooks, Slack, PagerDuty and mail; any number of notifiers share the work."""
    from infra.cli import service
    from sinks.notify.serve import serve

    service.run(serve, context.settings(ctx), name="notifier")
