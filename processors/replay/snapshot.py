"""Where a replay can begin other than cold: the newest stored state of every key before a moment.

Each key of a stage is kept at least once in every hour of log time, and once more when it is over. So what is
needed lies in the last three hours that a partition was alive, the first and the last of which may be begun
ones; the search goes back until it has seen those.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import zstandard

from processors.replay.source import Source
from processors.stage import Stage
from schemas.errors import DecodeError, EventError
from schemas.events.stage_snapshot import StageSnapshot
from schemas.topics import SNAPSHOTS

logger = logging.getLogger(__name__)

HOUR_US: Final = 3_600_000_000
HOURS: Final = 3
# A state is stored at the latest when 20,000 records or five minutes of panes came since: by then a key that
# has no snapshot yet has one.
MARGIN_US: Final = HOUR_US // 4
# No state of a stage is near it; a damaged record must not fill the memory.
LARGEST_BYTES: Final = 64 << 20

# Of a stage and a partition of its source.
_Place = tuple[str, int]


class Standing(NamedTuple):
    """A state to begin with. ``state`` None: the key was over; what comes later is a new life of it.

    Records of the partition up to offset ``stands_at``, which the log took at ``at`` (µs since the epoch),
    are in it and must not be folded again. Keys without a snapshot began at ``reads_from`` or later.
    """

    state: Any
    stands_at: int
    at: int
    reads_from: int


Standings = Mapping[str, Mapping[int, Mapping[str, Standing]]]


class _Packed(NamedTuple):
    """The newest whole snapshot of a key."""

    head: StageSnapshot
    parts: tuple[bytes, ...]


class _Found(NamedTuple):
    """The newest of each key, and in which hours of each place there was any."""

    newest: dict[_Place, dict[str, _Packed]]
    hours: dict[_Place, set[int]]


def load(
    source: Source,
    stages: Sequence[Stage[Any]],
    before_us: int,
    *,
    keys: Collection[str] = (),
    partitions: Collection[int] = (),
    say: Callable[[str], None] = logger.warning,
) -> Standings:
    """Return the states to begin with: by stage, partition and key, the newest that stood before a moment.

    ``before_us``: of the log's time. ``keys``: nodes and fleets whose states are wanted; empty: all.
    ``say`` is told of what cannot be used, such as a state of another version of its stage: that key starts
    cold. What is returned is empty where the source has no snapshots, as the simulator's log.

    Raises:
        DecodeError: the source is damaged.
        UnavailableError: it cannot be reached.
    """
    held = source.holds([SNAPSHOTS]).get(SNAPSHOTS.name)
    if held is None:
        return {}
    names = {stage.name for stage in stages}
    back, since = (HOURS + 1) * HOUR_US, before_us
    found = _Found({}, {})
    while since > held.first_at and not _complete(found, since):
        since, back = before_us - back, 2 * back
        records = _read(source, since, before_us, keys, partitions, say)
        found = _newest(each for each in records if each.stage in names and each.occurred_at < before_us)
    return _unpacked(found.newest, {stage.name: stage for stage in stages}, say)


def read_since(standings: Standings) -> int | None:
    """Return the log time, µs since the epoch, from which the sources must be read; None: no snapshots."""
    found = [
        one.at
        for partitions in standings.values()
        for keys in partitions.values()
        for one in keys.values()
        if one.state is not None
    ]
    return min(found) - MARGIN_US if found else None


def _read(
    source: Source,
    since: int,
    until: int,
    keys: Collection[str],
    partitions: Collection[int],
    say: Callable[[str], None],
) -> Iterator[StageSnapshot]:
    codec = source.codec()
    for record in source.read([SNAPSHOTS], since, until, keys, partitions):
        try:
            event = codec.decode(record.value)
        except EventError as exc:
            say(f"a snapshot at {record.topic}[{record.partition}] {record.offset} cannot be read: {exc}")
            continue
        if isinstance(event, StageSnapshot):
            yield event


def _newest(snapshots: Iterable[StageSnapshot]) -> _Found:
    """Return the newest snapshot of each key of which all parts are there."""
    found: dict[_Place, dict[str, _Packed]] = defaultdict(dict)
    hours: dict[_Place, set[int]] = defaultdict(set)
    begun: dict[tuple[_Place, str], tuple[StageSnapshot, dict[int, bytes]]] = {}
    for one in snapshots:
        place = one.stage, one.source_partition
        hours[place].add(one.occurred_at // HOUR_US)
        head, parts = begun.get((place, one.key), (one, {}))
        if (head.source_topic_id, head.stands_at) != (one.source_topic_id, one.stands_at):
            head, parts = one, {}
        parts[one.part] = one.state
        begun[place, one.key] = head, parts
        before = found[place].get(one.key)
        if len(parts) == one.parts and (before is None or _order(before.head) <= _order(one)):
            found[place][one.key] = _Packed(one, tuple(parts[number] for number in sorted(parts)))
            del begun[place, one.key]
    return _Found({place: _of_one_topic(keys) for place, keys in found.items()}, hours)


def _order(snapshot: StageSnapshot) -> tuple[int, int]:
    return snapshot.occurred_at, snapshot.stands_at


def _of_one_topic(keys: Mapping[str, _Packed]) -> dict[str, _Packed]:
    """Leave out offsets of a topic that was made again: all keys were stored anew when it was."""
    newest = max((one.head for one in keys.values()), key=_order, default=None)
    topic_id = newest.source_topic_id if newest else ""
    return {key: one for key, one in keys.items() if one.head.source_topic_id == topic_id}


def _complete(found: _Found, since: int) -> bool:
    """Return whether enough hours with snapshots lie behind ``since``, in each partition that has any."""
    return bool(found.hours) and all(
        len(hours) >= HOURS and sorted(hours)[-HOURS] * HOUR_US >= since for hours in found.hours.values()
    )


def _unpacked(
    newest: Mapping[_Place, Mapping[str, _Packed]],
    stages: Mapping[str, Stage[Any]],
    say: Callable[[str], None],
) -> Standings:
    standings: dict[str, dict[int, dict[str, Standing]]] = defaultdict(dict)
    for (stage, partition), keys in sorted(newest.items()):
        read = standings[stage][partition] = {}
        for key, packed in sorted(keys.items()):
            head = packed.head
            try:
                state = None if head.over else stages[stage].decode(_raw(packed))
            except DecodeError as exc:
                say(f"the snapshot of {key} by {stage} cannot be used, it starts cold: {exc}")
                continue
            read[key] = Standing(state, head.stands_at, head.occurred_at, head.reads_from)
    return standings


def _raw(packed: _Packed) -> bytes:
    head = packed.head
    if head.codec != "zstd":
        raise DecodeError(f"it is packed with {head.codec or 'nothing'}, which this version does not know")
    if not 0 <= head.state_bytes <= LARGEST_BYTES:
        raise DecodeError(f"a state of {head.state_bytes} bytes is too large")
    packed_bytes = b"".join(packed.parts)
    try:
        size = zstandard.get_frame_parameters(packed_bytes).content_size
        if size != head.state_bytes:
            raise DecodeError(f"it has {size} bytes where {head.state_bytes} were said")
        return zstandard.ZstdDecompressor().decompress(packed_bytes)
    except zstandard.ZstdError as exc:
        raise DecodeError(f"it cannot be unpacked: {exc}") from exc
