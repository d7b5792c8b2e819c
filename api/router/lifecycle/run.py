"""Facts of one router, from its start to its stop: what the last run left is told first."""

import logging
import os
import re
import secrets
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from prometheus_client import CollectorRegistry

from api.router.lifecycle.clerk import Clerk, anchor
from api.router.lifecycle.errand import Errand
from api.router.lifecycle.lock import locked
from api.router.lifecycle.metrics import FactsCollector
from api.router.lifecycle.recorder import FactRecorder
from api.router.recorder import CountingRecorder
from schemas.kafka import connection
from schemas.settings import Settings

logger = logging.getLogger(__name__)

_NAME = "router_id"
_ODD = re.compile(r"[^A-Za-z0-9._-]")


@asynccontextmanager
async def told(
    settings: Settings, counts: CountingRecorder, registry: CollectorRegistry
) -> AsyncIterator[FactRecorder]:
    """Yield a recorder whose facts go to Kafka; when left, those that wait are sent, or stay on disk.

    Raises:
        ConfigError: another router uses the same folder, or the settings of Kafka cannot work.
    """
    connection(settings.kafka)
    folder = folder_of(settings)
    with _held(folder):
        clerk = Clerk(Errand(settings, router_id(settings, folder), folder, anchor()))
        await clerk.start()
        recorder = FactRecorder(counts, clerk)
        registry.register(FactsCollector((recorder, clerk)))
        try:
            yield recorder
        finally:
            recorder.flush()
            await clerk.stop()


def folder_of(settings: Settings) -> Path:
    """Return where a router keeps what it needs after a restart; two routers never share one."""
    named = settings.router.id
    return settings.data_dir / "router" / (_ODD.sub("_", named) if named else f"port-{settings.router.port}")


def router_id(settings: Settings, folder: Path) -> str:
    """Return the name of this router in facts: as set, or one that its folder keeps."""
    if settings.router.id:
        return settings.router.id
    file = folder / _NAME
    try:
        kept = file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        kept = ""
    if kept:
        return kept
    made = f"{socket.gethostname()[:80]}-{settings.router.port}-{secrets.token_hex(3)}"
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(made + "\n", "utf-8")
    except OSError as exc:
        logger.warning("the name of this router, %s, cannot be kept for its next start: %s", made, exc)
    return made


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Keep other routers out of the folder; where the disk refuses, there is nothing to keep them out of."""
    try:
        lock = locked(folder / "lock")
    except OSError:  # the process of facts says what that means
        yield
        return
    try:
        yield
    finally:
        os.close(lock)
