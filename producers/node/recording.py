"""What an agent sends, kept in a file: an Avro object container file that any Avro tool reads.

Its schema is the union of the events of a node; times are µs since the epoch, without their logical type.
"""

import contextlib
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import fastavro
from fastavro.write import Writer

from producers.emitter import EmitterStatistics
from producers.envelope import event_name
from schemas.codec import Event
from schemas.codec.catalog import latest
from schemas.codec.foreign import plain, view_of
from schemas.errors import ConfigError, PenstockError
from schemas.events.node_sample import NodeSample
from schemas.topics import TELEMETRY, Topic

EVENTS = ("node_registered", "node_sample", "node_stopped")
# A file that is cut off loses what came after the last full block: records, not seconds.
BLOCK_RECORDS = 10

logger = logging.getLogger(__name__)


class RecordingError(PenstockError):
    """The file cannot be written or read; the text says why."""


class Recorder:
    """Writes the facts of one run to a new file; use it as a context.

    Raises:
        ConfigError: the file exists already or cannot be made.
    """

    def __init__(self, file: Path) -> None:
        self._path = file
        self._written = 0
        try:
            self._file: BinaryIO = file.open("xb")
        except FileExistsError as exc:
            raise ConfigError(f"{file} exists already: a recording is not written over") from exc
        except OSError as exc:
            raise ConfigError(f"{file} cannot be written: {exc.strerror}") from exc
        self._writer = Writer(self._file, _schema(), codec="deflate")
        self._flush()

    def __enter__(self) -> "Recorder":
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write what waits, and close the file."""
        try:
            if not isinstance(error, RecordingError):
                self._flush()
        finally:
            with contextlib.suppress(OSError):  # it was said already
                self._file.close()

    def emit(self, topic: Topic, key: str, event: Event) -> None:
        """Add a fact.

        Raises:
            RecordingError: the disk does not take it.
        """
        if topic is TELEMETRY and not isinstance(event, NodeSample):
            return  # a registration is announced in two topics, and recorded once
        del key  # follows from the event
        named: Any = (latest(event_name(event)).subject, _plain(event))
        self._writer.write(named)
        self._written += 1
        if self._written % BLOCK_RECORDS == 0:
            self._flush()

    @property
    def statistics(self) -> EmitterStatistics:
        """As if what is written was delivered."""
        written = self._written
        return EmitterStatistics(written, written, 0, 0, 0, 0, 0, 0, connected=False)

    def _flush(self) -> None:
        try:
            self._writer.flush()
            self._file.flush()
        except OSError as exc:
            raise RecordingError(f"{self._path} cannot be written any more: {exc.strerror}") from exc


def recorded(file: Path) -> Iterator[Event]:
    """Yield the events of a recording in order; one that is cut off ends early, and the log says so.

    Raises:
        ConfigError: the file cannot be opened or is no recording.
    """
    try:
        opened = file.open("rb")
    except OSError as exc:
        raise ConfigError(f"{file} cannot be read: {exc.strerror}") from exc
    with opened:
        try:
            reader: Any = fastavro.reader(
                opened, reader_schema=_schema(), return_record_name=True, return_named_type=True
            )
        except Exception as exc:
            raise ConfigError(f"{file} is no recording of a node: {exc}") from exc
        yield from _events(file, reader)


def _events(file: Path, reader: Iterator[tuple[str, Mapping[str, Any]]]) -> Iterator[Event]:
    names = {latest(event).subject: event for event in EVENTS}
    while True:
        try:
            subject, found = next(reader)
        except StopIteration:
            return
        except Exception as exc:  # noqa: BLE001 - fastavro names no error for bytes that end or are damaged
            logger.warning("%s ends in the middle of a block: %r", file, exc)
            return
        yield view_of(names[subject], found)


def _schema() -> Any:  # noqa: ANN401 - Avro is JSON
    return fastavro.parse_schema([plain(latest(event).schema) for event in EVENTS])


def _plain(value: Any) -> Any:  # noqa: ANN401 - an event, or a part of one
    """Return what fastavro writes: records as mappings."""
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return {name: _plain(part) for name, part in value._asdict().items()}
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    return value
