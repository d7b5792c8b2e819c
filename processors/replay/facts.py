"""What a replay is fed: the records that no stage in it writes, decoded once, the others not at all."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from processors.replay.digest import NAMES
from processors.stage import Stage
from schemas.codec import Codec, Event
from schemas.codec.framing import PREFIX_BYTES
from schemas.errors import ConfigError, EventError
from schemas.log_file import LogRecord
from schemas.topics import (
    ALERTS,
    FIRINGS,
    FORWARDED,
    NODE_STATES,
    NOTIFICATIONS,
    OBSERVATIONS,
    PANES,
    SUMMARIES,
    TELEMETRY,
    TOPICS,
    Topic,
)

BY_NAME: Final[Mapping[str, Topic]] = {topic.name: topic for topic in TOPICS}
# Which events of which topics each stage writes. What is not here is a fact wherever it stands.
WRITES: Final[Mapping[str, Mapping[Topic, Collection[str]]]] = {
    "node-stage": {NODE_STATES: ("node_state", *FORWARDED), PANES: ("node_pane", *FORWARDED)},
    "request-stage": {PANES: ("request_pane",)},
    "pattern-stage": {
        OBSERVATIONS: ("observation_opened", "observation_updated", "observation_resolved", *FORWARDED),
        SUMMARIES: ("node_summary", *FORWARDED),
        TELEMETRY: ("node_hint",),
    },
    "fleet-stage": {ALERTS: ("alert_opened", "alert_updated", "alert_resolved", *FORWARDED)},
    "rule-node-states": {FIRINGS: FIRINGS.events},
    "rule-panes": {FIRINGS: FIRINGS.events},
    "rule-observations": {FIRINGS: FIRINGS.events},
    "rule-alerts": {FIRINGS: FIRINGS.events},
    "notify-stage": {NOTIFICATIONS: ("notification_due",)},
}


def chosen(stages: Sequence[Stage[Any]], names: Collection[str]) -> tuple[Stage[Any], ...]:
    """Return the stages by name, with or without ``-stage``; all that can be replayed if none is named.

    Raises:
        ConfigError: there is no such stage, or it is none that can be replayed.
    """
    known = {stage.name: stage for stage in stages if stage.name in WRITES}
    wanted = [name if name in known else f"{name}-stage" for name in names]
    for asked, name in zip(names, wanted, strict=True):
        if name not in known:
            short = ", ".join(one.removesuffix("-stage") for one in known)
            raise ConfigError(f"no stage is called {asked}; there are {short}")
    return tuple(stage for name, stage in known.items() if not names or name in wanted)


def derived(stages: Sequence[Stage[Any]]) -> Mapping[str, frozenset[str]]:
    """Return of each topic, by name, the events that these stages write there."""
    found: dict[str, set[str]] = {}
    for stage in stages:
        for topic, events in WRITES[stage.name].items():
            found.setdefault(topic.name, set()).update(events)
    return {topic: frozenset(events) for topic, events in found.items()}


def written_by(topic: str, event: str) -> str:
    """Return the name of the stage that writes an event to a topic; empty: it is a fact."""
    for stage, topics in WRITES.items():
        if any(each.name == topic and event in events for each, events in topics.items()):
            return stage
    return ""


class Intake:
    """Decodes records, but not those of events that are not wanted: their schema id tells.

    ``unwanted``: of each topic, by name, the events that are passed over. ``unreadable`` counts records that
    could not be decoded; live, each is a dead letter.
    """

    def __init__(self, codec: Codec, unwanted: Mapping[str, Collection[str]]) -> None:
        self._codec = codec
        self._unwanted = unwanted
        self._names: dict[bytes, str] = {}
        self.unreadable = 0

    def event(self, record: LogRecord) -> Event | None:
        """Return the event of a record, or None if it is not wanted or cannot be read."""
        prefix = record.value[:PREFIX_BYTES]
        name = self._names.get(prefix)
        unwanted = self._unwanted.get(record.topic, ())
        if name is not None and name in unwanted:
            return None
        event = self.read(record)
        if event is None:
            return None
        if name is None:
            name = self._names[prefix] = NAMES[type(event)]
        return None if name in unwanted else event

    def read(self, record: LogRecord) -> Event | None:
        """Return the event of a record, wanted or not; None if it cannot be read."""
        try:
            return self._codec.decode(record.value)
        except EventError:
            self.unreadable += 1
            return None
