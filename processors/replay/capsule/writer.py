"""A capsule being written: it has its name only when it is complete and on the disk."""

import os
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from processors.replay.capsule import container, manifest
from processors.replay.capsule.manifest import Manifest, Part
from processors.replay.capsule.part import PartWriter
from schemas.codec.framing import schema_id_of
from schemas.errors import DecodeError, RefusedError
from schemas.log_file import LogRecord


class Draft:
    """Parts first; they can be read and replayed before the manifest seals them.

    ``schema_ids``: those that the values written so far name.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.parts: list[Part] = []
        self.schema_ids: set[int] = set()
        with zipfile.ZipFile(path, "x") as archive:
            archive.writestr(container.entry(container.MARK), f"{manifest.FORMAT}\n")

    def add(self, topic: str, records: Iterable[LogRecord]) -> Part | None:
        """Write all records of a topic; None, and nothing, if there are none."""
        with zipfile.ZipFile(self.path, "a") as archive:
            iterator = iter(records)
            first = next(iterator, None)
            if first is None:
                return None
            info = container.entry(f"topics/{topic}.avro")
            with PartWriter(topic, archive.open(info, "w", force_zip64=True)) as writer:
                self._write(writer, first)
                for record in iterator:
                    self._write(writer, record)
                part = writer.end()
        self.parts.append(part)
        return part

    def seal(self, sealed: Manifest) -> None:
        """Write the manifest, and wait until the disk has all of it."""
        with zipfile.ZipFile(self.path, "a") as archive:
            archive.writestr(container.entry(manifest.FILE), sealed.encode())
        with self.path.open("rb") as file:
            os.fsync(file.fileno())

    def _write(self, writer: PartWriter, record: LogRecord) -> None:
        with suppress(DecodeError):  # not framed: recorded as it came, as a dead letter has it
            self.schema_ids.add(schema_id_of(record.value))
        writer.write(record)


@contextmanager
def drafting(target: Path) -> Iterator[Draft]:
    """Write a capsule beside ``target``; it takes that name when this is left without an error.

    Raises:
        RefusedError: the disk does not take it. Nothing is left under either name.
    """
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        part.unlink(missing_ok=True)
        draft = Draft(part)
        yield draft
        os.replace(part, target)  # noqa: PTH105 - Path.replace says nothing more
        _sync_folder(target.parent)
    except OSError as exc:
        why = exc.strerror or str(exc)
        raise RefusedError(f"the capsule {target} cannot be written: {why}; nothing was left of it") from exc
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Make the new name last over a loss of power."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
