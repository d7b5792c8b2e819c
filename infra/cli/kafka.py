"""``penstock kafka``: the embedded broker."""

import logging
import time
from typing import TYPE_CHECKING

import typer

from infra.cli import context

if TYPE_CHECKING:
    from infra.embedded.kafka import Progress
    from schemas.settings import Settings

app = typer.Typer()
logger = logging.getLogger(__name__)
REPORT_EVERY_S = 0.5


@app.command()
def kafka(ctx: typer.Context) -> None:
    """Run the embedded Kafka broker until it is told to stop; its first start downloads it."""
    from infra.cli import service

    service.run(_serve, context.settings(ctx), name="kafka")


def _serve(settings: "Settings") -> int:
    from infra.embedded.kafka import fetch, serve

    fetch(Reporter())
    return serve(settings)


class Reporter:
    """Logs how far a download is, twice a second and at its end; nothing where nothing is downloaded."""

    def __init__(self) -> None:
        self._reported_at = -REPORT_EVERY_S

    def __call__(self, progress: "Progress") -> None:
        """Take in how far the download is."""
        now = time.monotonic()
        done = progress.jars == progress.jars_total
        if progress.received_bytes and (done or now - self._reported_at >= REPORT_EVERY_S):
            self._reported_at = now
            megabytes = round(progress.received_bytes / 1e6, 1)
            how_far = {"jars": progress.jars, "jars_total": progress.jars_total, "megabytes": megabytes}
            logger.info("downloading Kafka", extra=how_far)
