"""What a capsule says of itself: range, settings, schemas, parts, and the digests of what was told."""

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from processors.replay.capsule.errors import CapsuleError
from processors.replay.capsule.soundness import is_sound

# Raised when a reader of before would read a capsule wrongly.
FORMAT = 1
FILE = "manifest.json"
LIMIT_BYTES = 8 << 20
# Telemetry that repeats itself becomes a fiftieth. More than this is no recording.
RATIO_LIMIT = 1000
RATIO_FREE_BYTES = 1 << 20
PARTS_LIMIT = 32

Count = Annotated[int, Field(ge=0, lt=1 << 62)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Part(_Model):
    """The records of one topic. ``first_at``, ``last_at``: arrivals, µs since the epoch.

    ``plain_bytes``: of its blocks when decompressed.
    """

    topic: Annotated[str, Field(pattern=r"^[a-z]+(-[a-z]+)*$", max_length=64)]
    records: Count
    bytes: Count
    plain_bytes: Count
    sha256: Sha256
    first_at: int
    last_at: int

    @property
    def file(self) -> str:
        """Name of the entry in the container."""
        return f"topics/{self.topic}.avro"


class Times(_Model):
    """Arrival times, µs since the epoch: reading begins, outputs count from, facts end before.

    Outputs are in it until ``lag_us`` later, as workers may have been behind.
    """

    read_from: Count
    since: Count
    until: Count
    lag_us: Count = 0


class Selection(_Model):
    """What was asked for, and whose records are in it; empty: of all there were."""

    asked: Literal["observation", "alert", "range"]
    id: str = ""
    fleet: str = ""
    nodes: tuple[str, ...] = ()


class Tick(_Model):
    """A tick of the clock in a partition of telemetry: its offset, and when it arrived."""

    partition: Count
    offset: Count
    at: Count


class Resume(_Model):
    """Where the states from snapshots stand; see ``resume.Cuts``."""

    ticks: tuple[Tick, ...]
    requests_at: Count
    since: Count
    loaded_before: Count


class StageSettings(_Model):
    """What the stages were set to: power usage effectiveness of the site, and the rules, TOML."""

    stages: tuple[str, ...]
    pue: float
    rules: str


class SchemaText(_Model):
    """An Avro schema that values name by its id."""

    event: str
    text: str


class Told(_Model):
    """A topic's outputs: how many, their canonical digest, and both of each key; see ``replay.digest``."""

    records: Count
    digest: Sha256
    keys: Mapping[str, tuple[Count, Sha256]]


class Manifest(_Model):
    """All of it.

    ``seen``: outputs that were recorded, empty where the source had none. ``recomputed``: what a replay said
    when the capsule was made. ``exact``: the warm-up gives the states that were live. ``fed_back``: hints are
    not recorded, a replay feeds its own. ``compacted``: topics of which only the newest of each key was left.
    ``left_out``: records that are not in it, by reason. ``notes``: what a reader should know, in sentences.
    """

    format: int
    penstock: str
    redacted: bool
    times: Times
    selection: Selection
    partitions: Annotated[int, Field(ge=1, le=1024)]
    settings: StageSettings
    schemas: Mapping[int, SchemaText]
    parts: Annotated[tuple[Part, ...], Field(max_length=PARTS_LIMIT)]
    seen: Mapping[str, Told]
    recomputed: Mapping[str, Told]
    exact: bool
    fed_back: bool
    compacted: tuple[str, ...] = ()
    resume: Resume | None = None
    left_out: Mapping[str, Count]
    notes: tuple[str, ...] = ()

    def encode(self) -> bytes:
        """Return it as JSON; equal manifests are equal bytes."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True, indent=1).encode() + b"\n"


def decode(raw: bytes, name: str) -> Manifest:
    """Return the manifest of ``Manifest.encode``; ``name`` of the file, for errors.

    Raises:
        CapsuleError: it is none, of a newer format, or declares what cannot be.
    """
    try:
        document: Any = json.loads(raw)
        version = int(document["format"])
    except (ValueError, TypeError, KeyError, RecursionError) as exc:
        raise CapsuleError(f"{name} is damaged: its manifest cannot be read") from exc
    check_format(version, name)
    try:
        found = Manifest.model_validate(document)
    except ValidationError as exc:
        first = exc.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise CapsuleError(f"{name} is damaged: its manifest says a wrong {place}: {first['msg']}") from exc
    _check_sizes(found, name)
    return found


def check_format(version: int, name: str) -> None:
    """Raise where this version cannot read a capsule of that format."""
    if version > FORMAT:
        raise CapsuleError(
            f"{name} is of format {version}, of a newer Penstock; this one reads up to {FORMAT}: update it"
        )


def _check_sizes(manifest: Manifest, name: str) -> None:
    for id_, one in manifest.schemas.items():
        if not is_sound(one.text):
            raise CapsuleError(
                f"{name} is refused: its schema {id_}, of {one.event}, is none that events have"
            )
    topics = [part.topic for part in manifest.parts]
    if len(set(topics)) != len(topics):
        raise CapsuleError(f"{name} is damaged: its manifest names a topic twice")
    for part in manifest.parts:
        if part.plain_bytes > RATIO_FREE_BYTES + RATIO_LIMIT * part.bytes:
            raise CapsuleError(
                f"{name} is refused: {part.file} of {part.bytes} bytes would become {part.plain_bytes}, "
                f"more than {RATIO_LIMIT} times as much"
            )
