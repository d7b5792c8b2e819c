"""A capsule being written: it has its name only when it is complete and on the disk."""

import os
import shutil
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
    """Records first, each topic to a file of its own; then one file, which can be read; then the manifest.

    ``schema_ids``: those that the values name.
    """

    def __init__(self, folder: Path, path: Path) -> None:
        self.path = path
        self.schema_ids: set[int] = set()
        self._folder = folder
        self._writers: dict[str, PartWriter] = {}
        self._parts: dict[str, Part] = {}

    def write(self, records: Iterable[LogRecord]) -> int:
        """Write records in the order in which they come, which is that of a replay; return how many."""
        count = 0
        for count, record in enumerate(records, 1):  # noqa: B007 - it counts
            self.add(record)
        return count

    def add(self, record: LogRecord) -> None:
        """Write a record behind those of its topic."""
        writer = self._writers.get(record.topic)
        if writer is None:
            file = (self._folder / record.topic).open("xb")
            writer = self._writers[record.topic] = PartWriter(record.topic, file)
        with suppress(DecodeError):  # not framed: kept as it came, as live it is a dead letter
            self.schema_ids.add(schema_id_of(record.value))
        writer.write(record)

    def joined(self) -> tuple[Part, ...]:
        """Put the topics into one file, still without a manifest, and return what there is.

        It can be read then. More topics may follow, and another joining.
        """
        for topic, writer in self._writers.items():
            self._parts[topic] = writer.end()
        self.close()
        self._writers.clear()
        parts = tuple(part for _, part in sorted(self._parts.items()))
        with zipfile.ZipFile(self.path, "w") as archive:
            archive.writestr(container.entry(container.MARK), f"{manifest.FORMAT}\n")
            for part in parts:
                info = container.entry(part.file)
                with (
                    (self._folder / part.topic).open("rb") as source,
                    archive.open(info, "w", force_zip64=True) as target,
                ):
                    shutil.copyfileobj(source, target, 1 << 20)
        return parts

    def seal(self, sealed: Manifest) -> None:
        """Write the manifest, and wait until the disk has all of it."""
        with zipfile.ZipFile(self.path, "a") as archive:
            archive.writestr(container.entry(manifest.FILE), sealed.encode())
        with self.path.open("rb") as file:
            os.fsync(file.fileno())

    def close(self) -> None:
        """Close the files of topics."""
        for writer in self._writers.values():
            writer.close()


@contextmanager
def drafting(target: Path) -> Iterator[Draft]:
    """Write a capsule beside ``target``; it takes that name when this is left without an error.

    Raises:
        RefusedError: the disk does not take it. Nothing is left of it, and what had the name before stays.
    """
    folder = target.with_name(f".{target.name}.{os.getpid()}.part")
    draft = Draft(folder, folder / "capsule")
    try:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        yield draft
        os.replace(draft.path, target)  # noqa: PTH105 - Path.replace says nothing more
        _sync_folder(target.parent)
    except OSError as exc:
        why = exc.strerror or str(exc)
        raise RefusedError(f"the capsule {target} cannot be written: {why}; nothing is left of it") from exc
    finally:
        with suppress(OSError):
            draft.close()
        shutil.rmtree(folder, ignore_errors=True)


def _sync_folder(folder: Path) -> None:
    """Make the new name last over a loss of power."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
