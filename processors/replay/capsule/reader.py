"""An open capsule: checked, and read topic by topic."""

import heapq
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from processors.replay.capsule import container
from processors.replay.capsule import manifest as manifests
from processors.replay.capsule.errors import CapsuleError
from processors.replay.capsule.manifest import Manifest, Part
from processors.replay.capsule.part import check_digest, records
from processors.replay.merge import Order, Placed
from schemas.codec import Codec
from schemas.log_file import LogRecord, codec_of


class Capsule:
    """A capsule that is open for reading. ``draft``: the manifest of one that is not sealed yet.

    Raises:
        CapsuleError: it is no capsule, or damaged, or of a newer version.
    """

    def __init__(self, path: Path, draft: Manifest | None = None) -> None:
        self.path = path
        self._archive = container.opened(path)
        try:
            self.manifest = draft or self._manifest()
            self._check_parts(sealed=draft is None)
        except BaseException:
            self._archive.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._archive.close()

    def check(self) -> None:
        """Read every part once and compare it with the manifest's digest.

        Raises:
            CapsuleError: a part is damaged or was altered.
        """
        for part in self.manifest.parts:
            with container.open_entry(self._archive, part.file, str(self.path)) as file:
                check_digest(file, part, str(self.path))

    def records(self, topics: Sequence[str]) -> Iterator[LogRecord]:
        """Yield the records of topics by (arrived_at, topic, partition, offset); each partition by offset.

        Raises:
            CapsuleError: a part is damaged.
        """
        parts = [_placed(self._part(part)) for part in self.manifest.parts if part.topic in topics]
        for _, record in heapq.merge(*parts, key=_order):
            yield record

    def codec(self) -> Codec:
        """Return a codec that reads the values in it, by the schemas it brings."""
        return codec_of({id_: (one.event, one.text) for id_, one in self.manifest.schemas.items()})

    def _part(self, part: Part) -> Iterator[LogRecord]:
        with container.open_entry(self._archive, part.file, str(self.path)) as file:
            yield from records(file, part, str(self.path))

    def _manifest(self) -> Manifest:
        raw = container.read_entry(self._archive, manifests.FILE, str(self.path), manifests.LIMIT_BYTES)
        return manifests.decode(raw, str(self.path))

    def _check_parts(self, *, sealed: bool) -> None:
        """Every part is there with the size it should have, and nothing else is."""
        there = {info.filename: info for info in self._archive.infolist()}
        for part in self.manifest.parts:
            info: zipfile.ZipInfo | None = there.pop(part.file, None)
            if info is None:
                raise CapsuleError(f"{self.path} is incomplete: it has no {part.file}")
            if info.file_size != part.bytes:
                raise CapsuleError(
                    f"{self.path} was altered: {part.file} has {info.file_size} bytes, not {part.bytes}"
                )
        unknown = sorted(set(there) - {container.MARK, manifests.FILE})
        if unknown and sealed:
            raise CapsuleError(f"{self.path} is refused: {unknown[0]!r} is in it and not in its manifest")


def _placed(records: Iterable[LogRecord]) -> Iterator[Placed]:
    """Yield the records of a topic with their places; see ``merge.placed``, here for several partitions."""
    ats: dict[int, int] = {}
    for record in records:
        at = ats[record.partition] = max(ats.get(record.partition, 0), record.arrived_at)
        yield Order(at, record.topic, record.partition, record.offset), record


def _order(placed: Placed) -> Order:
    return placed[0]
