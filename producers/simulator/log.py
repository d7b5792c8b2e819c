"""Facts into a log file, at full speed. The same facts give the same bytes; see ``schemas.log_file``."""

import hashlib
import json
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import fastavro.write

from producers.simulator.fact import Fact
from schemas.codec import Codec, packaged
from schemas.errors import RefusedError
from schemas.log_file import FORMAT, FORMAT_KEY, PREFIX, RECORD_SCHEMA, SCHEMAS_KEY, LogRecord
from schemas.partition import partition_of

BLOCK_BYTES = 256 << 10


class LogWriter:
    """Puts facts into a file. ``ids``: the schema id of each event's newest packaged schema.

    ``partitions`` of each topic that is spread over several.
    """

    def __init__(
        self, file: Path, ids: Mapping[str, int], *, partitions: int, about: Mapping[str, str]
    ) -> None:
        self._codec = Codec(ids)
        self._partitions = partitions
        self._offsets: dict[tuple[str, int], int] = defaultdict(int)
        metadata = _metadata(ids, {**about, "partitions": str(partitions)})
        marker = hashlib.sha256(json.dumps(metadata, sort_keys=True).encode()).digest()[:16]
        self._file = file.open("wb")
        # Fixed marker and level: by default Avro's is random, and equal facts would be different bytes.
        self._writer = fastavro.write.Writer(
            self._file,
            RECORD_SCHEMA,
            codec="zstandard",
            sync_interval=BLOCK_BYTES,
            metadata=metadata,
            sync_marker=marker,
            compression_level=3,
        )

    def write(self, fact: Fact) -> None:
        """Write a fact; facts come in the order of their arrival. A tick goes to every partition."""
        value = self._codec.encode(fact.event)
        spread = self._partitions if fact.topic.spread else 1
        chosen = range(spread) if fact.key is None else (partition_of(fact.key, spread),)
        for partition in chosen:
            self._put(fact.topic.name, partition, fact.key, fact.arrived_at, value)

    def put(self, record: LogRecord, event: str) -> None:
        """Write a record in its partition, behind what is there; its value is an event's Avro body alone."""
        topic, partition, _, arrived_at, key, body = record
        self._put(topic, partition, key, arrived_at, self._codec.frame(event, body))

    def _put(self, topic: str, partition: int, key: str | None, arrived_at: int, value: bytes) -> None:
        offset = self._offsets[topic, partition]
        self._offsets[topic, partition] = offset + 1
        self._writer.write(
            {
                "topic": topic,
                "partition": partition,
                "offset": offset,
                "arrived_at": arrived_at,
                "key": key,
                "value": value,
            }
        )

    def close(self) -> None:
        """Write what is held back, and close the file."""
        self._writer.flush()
        self._file.close()

    def abandon(self) -> None:
        """Close the file without what is held back."""
        with suppress(OSError):
            self._file.close()


@contextmanager
def log_file(
    file: Path, ids: Mapping[str, int], *, partitions: int, about: Mapping[str, str]
) -> Iterator[LogWriter]:
    """Write a file that has its name only when it is complete.

    Raises:
        RefusedError: the disk does not take it.
    """
    part = file.with_name(file.name + ".part")
    writer: LogWriter | None = None
    try:
        writer = LogWriter(part, ids, partitions=partitions, about=about)
        yield writer
        writer.close()
        os.replace(part, file)  # noqa: PTH105 - Path.replace says nothing more
    except OSError as exc:
        raise RefusedError(f"the log file {file} cannot be written: {exc}") from exc
    finally:
        if writer is not None:
            writer.abandon()
        part.unlink(missing_ok=True)


def write_log(
    facts: Iterable[Fact], file: Path, ids: Mapping[str, int], *, partitions: int, about: Mapping[str, str]
) -> int:
    """Write all facts and return how many; see ``log_file``."""
    count = 0
    with log_file(file, ids, partitions=partitions, about=about) as writer:
        for count, fact in enumerate(facts, 1):  # noqa: B007 - it counts
            writer.write(fact)
    return count


def _metadata(ids: Mapping[str, int], about: Mapping[str, str]) -> dict[str, str]:
    """Return what a reader needs: the format, the schemas behind the ids, and what the log is about."""
    schemas = {
        str(id_): {"event": event, "schema": json.dumps(packaged()[event][-1].schema, sort_keys=True)}
        for event, id_ in sorted(ids.items())
    }
    return {
        FORMAT_KEY: str(FORMAT),
        SCHEMAS_KEY: json.dumps(schemas, sort_keys=True),
        **{PREFIX + name: value for name, value in sorted(about.items())},
    }
