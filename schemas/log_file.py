"""A log in a file: records of topics as Kafka holds them, in the order of their arrival.

An Avro object container file (zstandard), which any Avro library reads. Each record has topic (its name
without the prefix of the settings), partition, offset, arrived_at (µs since the epoch), key and value; the
value is the framed event. The schemas that the frames name are in the metadata ``penstock.schemas``, so the
file needs no registry.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, NamedTuple, Self

import fastavro

from schemas.codec import Codec, packaged
from schemas.errors import ConfigError, DecodeError

FORMAT = 1
RECORD_SCHEMA: dict[str, Any] = {
    "type": "record",
    "name": "LogRecord",
    "namespace": "penstock",
    "doc": "a record of a topic, as Kafka holds it",
    "fields": [
        {"name": "topic", "type": "string", "doc": "without the prefix of the settings"},
        {"name": "partition", "type": "int"},
        {"name": "offset", "type": "long"},
        # A plain number: with its logical type, readers make a datetime of each.
        {"name": "arrived_at", "type": "long", "doc": "when the log took it, µs since the epoch"},
        {"name": "key", "type": ["null", "string"], "default": None},
        {"name": "value", "type": "bytes", "doc": "zero byte, schema id, Avro binary of the event"},
    ],
}  # fmt: skip
FORMAT_KEY, SCHEMAS_KEY, PREFIX = "penstock.format", "penstock.schemas", "penstock."


class LogRecord(NamedTuple):
    """A record. ``key`` None: a record without, as a tick."""

    topic: str
    partition: int
    offset: int
    arrived_at: int
    key: str | None
    value: bytes


class LogFile:
    """An open file. ``about``: its metadata under ``penstock.``, such as scenario, seed and partitions.

    ``schemas``: of each schema id, the event and the text of the schema.
    """

    def __init__(self, file: BinaryIO, name: str) -> None:
        self.name = name
        self._file = file
        try:
            self._reader = fastavro.reader(file)
            metadata: dict[str, str] = {
                str(key): _text(value) for key, value in self._reader.metadata.items()
            }
            self.schemas = {
                int(id_): (str(one["event"]), str(one["schema"]))
                for id_, one in json.loads(metadata[SCHEMAS_KEY]).items()
            }
            version = int(metadata[FORMAT_KEY])
        except Exception as exc:  # fastavro and each codec have errors of their own
            raise DecodeError(f"{name} is no log file of Penstock: {exc!r}") from exc
        if version > FORMAT:
            raise DecodeError(f"{name} has format {version}; this version reads up to {FORMAT}")
        self.about: Mapping[str, str] = {
            key.removeprefix(PREFIX): value
            for key, value in metadata.items()
            if key.startswith(PREFIX) and key != SCHEMAS_KEY
        }

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open a file.

        Raises:
            ConfigError: it cannot be opened.
            DecodeError: it is no log file, or of a newer format.
        """
        try:
            file = path.open("rb")
        except OSError as exc:
            raise ConfigError(f"the log file {path} cannot be opened: {exc}") from exc
        try:
            return cls(file, str(path))
        except BaseException:
            file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def __iter__(self) -> Iterator[LogRecord]:
        """Yield the records, in the order of arrival.

        Raises:
            DecodeError: the rest of the file is missing or damaged.
        """
        count = 0
        try:
            record: Any
            for record in self._reader:
                yield LogRecord(*record.values())
                count += 1
        except Exception as exc:  # fastavro and each codec have errors of their own
            raise DecodeError(f"{self.name} is damaged or cut off after {count} records: {exc!r}") from exc

    def codec(self) -> Codec:
        """Return a codec that reads the values of this file."""
        return codec_of(self.schemas)


def codec_of(schemas: Mapping[int, tuple[str, str]]) -> Codec:
    """Return a codec for values that name these schemas: of each id, the event and the schema's text."""
    ours = {event: id_ for id_, (event, schema) in schemas.items() if _is_latest(event, schema)}
    codec = Codec(ours)
    for id_, (event, schema) in schemas.items():
        if ours.get(event) != id_:
            codec.learn(id_, schema)
    return codec


def _is_latest(event: str, schema: str) -> bool:
    releases = packaged().get(event, ())
    return bool(releases) and bool(json.loads(schema) == releases[-1].schema)


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
