"""Small capsules for tests."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from infra.score.schema_ids import schema_ids
from processors.replay.capsule.manifest import (
    FORMAT,
    Manifest,
    Part,
    SchemaText,
    Selection,
    StageSettings,
    Times,
)
from processors.replay.capsule.writer import Draft, drafting
from schemas.codec import Codec, Event, packaged
from schemas.log_file import LogRecord
from tests import samples

IDS = schema_ids()
CODEC = Codec(IDS)
EVENT_OF = {id_: event for event, id_ in IDS.items()}


def record(
    event: Event, *, topic: str = "telemetry", offset: int = 0, at: float = 0.0, partition: int = 0
) -> LogRecord:
    """Return an event as a topic holds it."""
    key = getattr(event, "node_id", None)
    return LogRecord(topic, partition, offset, samples.at(at), key, CODEC.encode(event))


def telemetry(count: int) -> list[LogRecord]:
    """Return samples of a node, one a second."""
    return [record(samples.sample(seq), offset=seq, at=seq) for seq in range(count)]


def manifest_of(draft: Draft, parts: tuple[Part, ...], **changed: Any) -> Manifest:
    """Return the manifest of what a draft holds."""
    usual: dict[str, Any] = {
        "format": FORMAT,
        "penstock": "0.1.0",
        "redacted": False,
        "times": Times(read_from=samples.at(0), since=samples.at(0), until=samples.at(1000)),
        "selection": Selection(asked="range"),
        "partitions": 4,
        "settings": StageSettings(stages=("node-stage",), pue=1.0, rules=""),
        "schemas": {
            id_: SchemaText(event=EVENT_OF[id_], text=packaged()[EVENT_OF[id_]][-1].text)
            for id_ in sorted(draft.schema_ids)
        },
        "parts": parts,
        "seen": {},
        "recomputed": {},
        "exact": True,
        "fed_back": True,
        "left_out": {},
    }
    return Manifest.model_validate(usual | changed)


def write(target: Path, topics: Mapping[str, Iterable[LogRecord]], **changed: Any) -> Path:
    """Write a capsule with these records."""
    with drafting(target) as draft:
        for records in topics.values():
            draft.write(records)
        draft.seal(manifest_of(draft, draft.joined(), **changed))
    return target
