"""Which source a replay reads from: a name, or the path of a file."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from processors.replay.capsule.reader import Capsule
from processors.replay.source import Source
from processors.replay.sources.capsule import CapsuleSource
from processors.replay.sources.log_file import LogFileSource
from schemas.errors import ConfigError
from schemas.settings import Settings

KAFKA, EVENT_LOG = "kafka", "event_log"
# How a zip begins, which a capsule is.
_ZIP = b"PK"


def opener(text: str, settings: Settings) -> Callable[[], Source]:
    """Return what opens a source, in any process: ``kafka``, ``event_log``, a log file or a capsule.

    Raises:
        ConfigError: there is no such file.
    """
    if text == KAFKA:
        from processors.replay.sources.kafka import KafkaSource

        return partial(KafkaSource, settings)
    if text == EVENT_LOG:
        from processors.replay.sources.event_log import EventLogSource

        return partial(EventLogSource, settings)
    path = Path(text)
    try:
        with path.open("rb") as file:
            start = file.read(len(_ZIP))
    except OSError as exc:
        raise ConfigError(
            f"--source {text} is not kafka, not event_log, and no file: {exc.strerror}"
        ) from exc
    return partial(_capsule, path) if start == _ZIP else partial(LogFileSource, path)


def _capsule(path: Path) -> Source:
    return CapsuleSource(Capsule(path))
