"""From the words of a command to what a replay is asked for."""

import re
import time
from collections.abc import Sequence
from typing import Any

from api.query.times import parse_time
from infra.cli.asking.durations import seconds
from processors.replay.facts import BY_NAME, chosen
from processors.replay.prepare import Asked
from processors.replay.source import FOREVER, Source
from processors.stage import Stage
from processors.topology import all_stages
from schemas.errors import ConfigError
from schemas.settings import Settings

_PLACE = re.compile(r"([a-z-]+)\[(\d{1,5})\]@(\d{1,18})")


def built(settings: Settings, names: Sequence[str], *, whole: bool) -> tuple[Stage[Any], ...]:
    """Return the stages that are replayed; without names and not for a ``whole`` fleet, not the fleet's.

    Raises:
        ConfigError: there is no such stage, or the rules are wrong.
    """
    found = chosen(all_stages(settings), names)
    return found if whole or names else tuple(stage for stage in found if stage.source.spread)


def asked_for(
    source: Source,
    settings: Settings,
    *,
    begins: str,
    ends: str,
    as_of: str,
    warm_up: str,
    lag: str,
    nodes: Sequence[str],
    fleet: str,
    compare: bool,
    keep: bool,
) -> Asked:
    """Return what the options mean.

    Raises:
        ConfigError: one is no time, or the range is empty.
    """
    now = time.time_ns() // 1000
    since, until = _time("--from", begins, now, source), _time("--to", ends, now, source)
    if since is not None and until is not None and until <= since:
        raise ConfigError(f"--to {ends} is not after --from {begins}")
    known = _time("--as-of", as_of, now, source)
    return Asked(
        since,
        until,
        frozenset(nodes),
        fleet,
        FOREVER if known is None else known,
        compare,
        seconds(lag) * 1_000_000,
        keep,
        seconds(warm_up) * 1_000_000 if warm_up else None,
        settings.kafka.partitions,
    )


def _time(option: str, text: str, now: int, source: Source) -> int | None:
    """Return a time as the log has it, in µs: as people write it, or that of a record."""
    if not text:
        return None
    place = _PLACE.fullmatch(text)
    if place is not None:
        return _arrived(option, text, source, place[1], int(place[2]), int(place[3]))
    try:
        return parse_time(text, now)
    except ValueError as exc:
        raise ConfigError(f"{option}: {exc}, or TOPIC[PARTITION]@OFFSET") from exc


def _arrived(option: str, text: str, source: Source, topic: str, partition: int, offset: int) -> int:
    """Return when a record arrived, or the next one of its partition."""
    if topic not in BY_NAME:
        raise ConfigError(f"{option} {text}: there is no topic {topic}")
    held = source.holds([BY_NAME[topic]]).get(topic)
    if held is None:
        raise ConfigError(f"{option} {text}: {source.name} has nothing of {topic}")
    for record in source.read([BY_NAME[topic]], held.first_at, FOREVER, partitions=(partition,)):
        if record.partition == partition and record.offset >= offset:
            return record.arrived_at
    raise ConfigError(f"{option} {text}: {source.name} has no such offset")
