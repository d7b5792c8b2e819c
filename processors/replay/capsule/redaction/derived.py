"""Ids that follow from names, derived again from what stands for the names.

Whoever guesses a name could try it out on an id that was made from it, so none of these may stay; and a
replay makes them anew, so they must become what the replay makes. An id that follows from nothing here is
replaced by one that looks random.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from processors.fleet.agent_version_mismatch import SUBJECT
from processors.fleet.correlated_incident import FAMILIES, OFFLINE
from schemas.codec import Event
from schemas.events.alert import Alert
from schemas.events.node_summary import NodeSummary
from schemas.events.observation import Observation
from schemas.ids import derived_id

Part = str | int
# Times that the clock of a node stepped back: as many as a pane's id may have counted.
_EPOCHS: Final = 64
# What alerts of a fleet are about, besides nodes.
_SUBJECTS: Final = ("", SUBJECT, OFFLINE, *sorted(set(FAMILIES.values())))
_Parts = Callable[[Any], Iterable[tuple[Part, ...]]]


def _told(kind: str, thing: str) -> _Parts:
    return lambda event: [(kind, getattr(event, thing), event.revision)]


_WAYS: Final[Mapping[str, _Parts]] = {
    "NodeState": lambda event: [("node_state", event.node_id, event.boot_id, event.seq)],
    "NodePane": lambda event: [
        ("node_pane", event.node_id, event.started_at, epoch) for epoch in range(_EPOCHS)
    ],
    "NodeTagged": lambda event: [("node_tagged", event.node_id, event.occurred_at)],
    "NodeHint": lambda event: [
        ("node_hint", event.node_id, event.occurred_at, event.routing_hint, event.source)
    ],
    "NodeSummary": lambda event: [
        ("node_summary", event.node_id, event.boot_id, event.occurred_at),
        ("node_summary", event.node_id, "silent", event.passed_at),
    ],
    "RequestPane": lambda event: [
        (
            "request_pane", event.part, event.fleet, event.node_id, event.model, event.started_at,
            event.revision,
        )
    ],
    "WesBaseline": lambda event: [
        ("wes_baseline", event.fleet, event.node_id, event.model, event.load, event.occurred_at)
    ],
    "ObservationOpened": _told("observation_opened", "observation_id"),
    "ObservationUpdated": _told("observation_updated", "observation_id"),
    "ObservationResolved": _told("observation_resolved", "observation_id"),
    "AlertOpened": _told("alert_opened", "alert_id"),
    "AlertUpdated": _told("alert_updated", "alert_id"),
    "AlertResolved": _told("alert_resolved", "alert_id"),
}  # fmt: skip


def identity(before: Event, after: Event) -> str | None:
    """Return the id of an event without names, if that of the event was derived; None: it was not."""
    ways = _WAYS.get(type(before).__name__)
    if ways is None:
        return None
    was = getattr(before, "id", "")
    for old, new in zip(ways(before), ways(after), strict=True):
        if derived_id(str(old[0]), *old[1:]) == was:
            return derived_id(str(new[0]), *new[1:])
    return None


class References:
    """Which observations and alerts there are, by id, and what their ids follow from."""

    def __init__(self) -> None:
        self._parts: dict[str, tuple[Part, ...]] = {}

    def take(self, event: Event) -> None:
        """Take what an event tells of them."""
        if isinstance(event, Observation):
            self._observation(event.observation_id, event.pattern, event.node_id, event.onset_at)
        elif isinstance(event, NodeSummary):
            for one in event.open:
                self._observation(one.observation_id, one.pattern, event.node_id, one.onset_at)
        elif isinstance(event, Alert) and event.alert_id not in self._parts:
            for subject in (event.node_id, *_SUBJECTS, *event.members):
                parts = ("alert", event.alert, event.fleet, subject, event.onset_at)
                if derived_id(*parts) == event.alert_id:
                    self._parts[event.alert_id] = parts
                    break

    def derived(self, id_: str, name: Callable[[str], str]) -> str | None:
        """Return what an id becomes; ``name``: of a name what stands for it, of another word that word.

        None: it is not known what the id follows from.
        """
        parts = self._parts.get(id_)
        if parts is None:
            return None
        kind, what, *of, onset = parts
        return derived_id(str(kind), what, *(name(str(one)) for one in of), onset)

    def _observation(self, id_: str, pattern: str, node_id: str, onset_at: int) -> None:
        parts = ("observation", pattern, node_id, onset_at)
        if id_ not in self._parts and derived_id(*parts) == id_:
            self._parts[id_] = parts
