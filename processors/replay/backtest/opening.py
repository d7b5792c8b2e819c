"""Where a backtest begins: far enough before its range for windows to be full, with what was open then.

    read_from          judge_from                    since                 until
        |  windows fill    |  what is pending begins   |      reported       |

What was open at ``judge_from`` by the record is taken as open by all rules: it began before anything that is
read. By rules under which it would not be so, it ends when they say so. An observation that the record opened
later, with an onset before ``judge_from``, moves that moment back to its onset.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from processors.fleet.agent_version_mismatch import SUBJECT
from processors.fleet.catalog import NODE_ALERTS
from processors.fleet.correlated_incident import FAMILIES, OFFLINE
from processors.fleet.stage import node_key
from processors.fleet.state import AlertLife
from processors.patterns.lifecycle import deciding
from processors.patterns.state import Life
from processors.patterns.turning import SECOND_US
from processors.replay.backtest.asked import Asked
from processors.replay.backtest.fired import Fired, Following, Told, id_of
from processors.replay.backtest.kinds import Wanted
from processors.replay.source import Source
from schemas.events.alert import Alert, AlertResolved
from schemas.events.observation import Observation, ObservationResolved
from schemas.ids import derived_id
from schemas.topics import ALERTS, OBSERVATIONS

# Ten minutes of panes, requests that wait twenty seconds, and the pane that is under way.
FILL_US = 660 * SECOND_US
# A pattern of which nothing is pending is judged with every third pane.
TURN_US = 60 * SECOND_US
# So far back it is looked for what was open; what is open is told again when it changes.
LOOK_BACK_US = 7 * 24 * 3600 * SECOND_US
_RESOLVED = ObservationResolved | AlertResolved
_OF_NODES = frozenset(alert.id for alert in NODE_ALERTS)
_GROUPS = (*sorted({*FAMILIES.values()}), OFFLINE, SUBJECT)


@dataclass(frozen=True, slots=True)
class Recorded:
    """One observation or alert of the record: its events and their arrivals, in order."""

    events: tuple[tuple[int, Told], ...]

    @property
    def opened_at(self) -> int:
        """When the log was told that it opened."""
        return self.events[0][0]

    @property
    def onset_at(self) -> int:
        """Since when it has held."""
        return self.events[0][1].onset_at

    def at(self, moment: int) -> Told | None:
        """Return the newest event until a moment of log time; None before the first."""
        return next((event for arrived, event in reversed(self.events) if arrived <= moment), None)


@dataclass(frozen=True, slots=True)
class Opening:
    """Where reading and judging begin, µs of log time, and what was open then.

    ``lives`` are by node, ``alerts`` by the key of the fleet stage's state.
    """

    read_from: int
    judge_from: int
    lives: Mapping[str, Sequence[Life]] = field(default_factory=dict)
    alerts: Mapping[str, Sequence[AlertLife]] = field(default_factory=dict)
    fired: Sequence[Fired] = ()


def recorded(source: Source, asked: Asked, since: int, until: int) -> list[Recorded]:
    """Return what the record has of what is asked for, of a range and of the week before it."""
    wanted = Wanted(source.codec(), (Observation, Alert))
    events: dict[str, list[tuple[int, Told]]] = {}
    for record, event in wanted.among(source.read([OBSERVATIONS, ALERTS], since - LOOK_BACK_US, until)):
        assert isinstance(event, Observation | Alert)
        if _name(event) in (asked.patterns if isinstance(event, Observation) else asked.alerts):
            events.setdefault(id_of(event), []).append((record.arrived_at, event))
    return [Recorded(tuple(found)) for found in events.values()]


def opening(known: Iterable[Recorded], since: int, longest_for_s: float) -> Opening:
    """Return where to begin for a range from ``since``. ``longest_for_s``: what has to hold longest."""
    judge_from = since - int(longest_for_s * SECOND_US) - TURN_US
    known = sorted(known, key=lambda one: -one.onset_at)
    for one in known:
        if one.onset_at < since and one.opened_at > judge_from:
            judge_from = min(judge_from, one.onset_at - TURN_US)
    lives: dict[str, list[Life]] = {}
    alerts: dict[str, list[AlertLife]] = {}
    fired: list[Fired] = []
    for one, event in _newest(known, judge_from):
        if not _goes_on(event):
            continue
        if isinstance(event, Observation):
            lives.setdefault(event.node_id, []).append(_life(event))
        else:
            key, life = _alert_life(event)
            alerts.setdefault(key, []).append(life)
        if not isinstance(event, _RESOLVED):
            fired.append(_fired(one, judge_from))
    return Opening(judge_from - FILL_US, judge_from, lives, alerts, fired)


def _newest(known: Iterable[Recorded], moment: int) -> Iterator[tuple[Recorded, Told]]:
    """Yield of each pattern at a node, and of each alert, what it was last told of until a moment."""
    newest: dict[tuple[str, str], tuple[Recorded, Told]] = {}
    for one in sorted(known, key=lambda each: each.opened_at):
        event = one.at(moment)
        if event is not None:
            subject = event.node_id if isinstance(event, Observation) else f"{event.fleet} {_subject(event)}"
            newest[_name(event), subject] = one, event
    yield from newest.values()


def _fired(one: Recorded, until: int) -> Fired:
    following = Following()
    for arrived_at, event in one.events:
        if arrived_at <= until:
            following.take(event, arrived_at)
    return following.fired(until)[0]


def _goes_on(event: Told) -> bool:
    """Return whether something is left of it: it is open, or an operator ended it."""
    return not isinstance(event, _RESOLVED) or event.reason == "operator"


def _life(event: Observation) -> Life:
    if isinstance(event, _RESOLVED):
        return Life(event.pattern, silenced=True)
    one = Observation._make(event)
    return Life(event.pattern, told_at=event.occurred_at, told=deciding(event.evidence), open=(one,))


def _alert_life(event: Alert) -> tuple[str, AlertLife]:
    """Return the key of the state that an alert is part of, and its life."""
    subject = _subject(event)
    key = node_key(event.fleet, subject) if event.alert in _OF_NODES else event.fleet
    if isinstance(event, _RESOLVED):
        return key, AlertLife(event.alert, subject, silenced=True)
    told = deciding(event.evidence)
    one = Alert._make(event)
    return key, AlertLife(event.alert, subject, told_at=event.occurred_at, told=told, open=(one,))


def _subject(event: Alert) -> str:
    """Return what an alert is about; the name of a group is not told, but the alert's id is made of it."""
    for subject in (event.node_id, *_GROUPS):
        if derived_id("alert", event.alert, event.fleet, subject, event.onset_at) == event.alert_id:
            return subject
    return event.node_id


def _name(event: Told) -> str:
    return event.pattern if isinstance(event, Observation) else event.alert
