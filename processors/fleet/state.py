"""What the fleet stage remembers: of each node for itself, and of a fleet what comparing needs."""

from typing import NamedTuple

from processors.patterns.turning import Timer
from schemas.events.alert import Alert
from schemas.events.node_summary import OpenObservation


class AlertLife(NamedTuple):
    """One alert about one subject. Times are log time, µs; ``open`` has one alert or none, as last told.

    ``silenced``: an operator ended it, and it must be over once before it may open again.
    """

    alert: str
    subject: str
    timer: Timer = Timer()
    told_at: int = 0
    told: float = 0.0
    silenced: bool = False
    open: tuple[Alert, ...] = ()


class Baseline(NamedTuple):
    """What a node's efficiency has been with one model at one load; see wes_baseline."""

    model: str
    load: str
    occurred_at: int
    day_panes: float
    day_wes: float
    week_panes: float
    week_wes: float


class Watched(NamedTuple):
    """One node and its baselines by model and load; two of each, since the newest comes into force later."""

    node_id: str
    baselines: tuple[Baseline, ...] = ()


class Member(NamedTuple):
    """One node among the others, as one of its summaries says."""

    node_id: str
    passed_at: int
    agent_version: str
    hardware: str
    rack: str
    driver: str
    model: str
    load: str
    stopped: bool
    silent_s: float
    live: float
    hot: float
    requests_running: float
    requests_waiting: float
    wes_raw: float
    version_since: int
    open: tuple[OpenObservation, ...]


class Mark(NamedTuple):
    """How far one partition of panes has been folded."""

    partition: int
    passed_at: int


class State(NamedTuple):
    """A fleet, or one node of it: ``watched`` has one node or none; the rest is the fleet's.

    ``members`` are as they were at ``judged_at``, the newest moment of log time at which they were compared;
    ``pending`` are newer, in the order of their time.
    """

    key: str
    fleet: str = ""
    watched: tuple[Watched, ...] = ()
    members: tuple[Member, ...] = ()
    pending: tuple[Member, ...] = ()
    marks: tuple[Mark, ...] = ()
    lives: tuple[AlertLife, ...] = ()
    judged_at: int = 0
    passed_at: int = 0
