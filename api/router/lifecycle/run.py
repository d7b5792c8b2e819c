"""Facts of one router, from its start to its stop: what the last run left is told first."""

import logging
import re
import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from prometheus_client import CollectorRegistry

from api.router.lifecycle.clock import Clock
from api.router.lifecycle.facts import Who
from api.router.lifecycle.journal import Journal
from api.router.lifecycle.lives import Lives
from api.router.lifecycle.metrics import FactsCollector
from api.router.lifecycle.recorder import FactRecorder
from api.router.lifecycle.records import KINDS, Entry
from api.router.lifecycle.recovery import recover
from api.router.lifecycle.scribe import QUEUE_RECORDS, Scribe
from api.router.recorder import CountingRecorder
from producers.emitter import Emitter
from producers.envelope import Encoded
from schemas.settings import Settings
from schemas.topics import REQUESTS

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
    folder = folder_of(settings)
    clock = Clock()
    journal, left = _opened(folder, clock)
    try:
        emitter = _emitter(settings, folder)
        await emitter.start()
        lives = Lives(Who(settings.router.fleet, router_id(settings, folder)), clock.at_us)
        recorder = FactRecorder(counts, lives)
        lives.segment = journal.segment if journal else 0
        for kind, key, body in left:
            emitter.emit(REQUESTS, key, Encoded(KINDS[kind], body))
        scribe = Scribe(recorder, journal, emitter, clock)
        registry.register(FactsCollector((recorder, scribe, emitter)))
        scribe.start()
        try:
            yield recorder
        finally:
            await scribe.stop()
            before = emitter.statistics.dropped
            await emitter.stop()
            if journal is not None and emitter.statistics.dropped == before:
                journal.clear()
    finally:
        if journal is not None:
            journal.close()


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


def _opened(folder: Path, clock: Clock) -> tuple[Journal | None, list[Entry]]:
    """Return the journal, begun anew, and what the last run left to tell; none where the disk refuses."""
    journal = Journal(folder)
    try:
        left = recover(journal.open(), Lives(Who("", ""), clock.at_us))
        entries = [*left.facts, *left.closings]
        journal.begin(entries, clock.now_us())
    except OSError as exc:
        journal.close()
        logger.error(
            "the journal of requests in %s cannot be used (%s): if this router is killed, requests stay open "
            "in the facts; free the disk, or change the setting data_dir",
            folder,
            exc,
        )
        return None, []
    if left.damaged:
        logger.error("%d places of the journal in %s could not be read", left.damaged, folder)
    if left.closings:
        logger.warning(
            "the last run left %d requests open, which are told as router_stopped now", len(left.closings)
        )
    if left.facts:
        logger.info("%d facts of the last run may not have arrived and are sent again", len(left.facts))
    return journal, entries


def _emitter(settings: Settings, folder: Path) -> Emitter:
    return Emitter(
        settings.kafka,
        settings.registry,
        topics=(REQUESTS,),
        spool=folder / "spool",
        spool_bytes=settings.router.spool_bytes,
        queue_records=QUEUE_RECORDS,
    )
