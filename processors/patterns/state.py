"""What the pattern stage remembers of one node: plain data."""

from typing import NamedTuple

from processors.patterns.turning import Timer
from processors.windows.requests import RequestSlot
from processors.windows.slot import Slot
from schemas.events.observation import Observation, RoutingHint


class Life(NamedTuple):
    """One pattern at one node. Times are the node's own, µs since the epoch.

    ``open`` has one observation or none, as it was last told, at ``told_at``, when the value of its first
    evidence was ``told``. ``silenced``: an operator ended it, and it must be over once before it may open
    again.
    """

    pattern: str
    timer: Timer = Timer()
    told_at: int = 0
    told: float = 0.0
    silenced: bool = False
    open: tuple[Observation, ...] = ()


class About(NamedTuple):
    """What the newest pane says of the node itself."""

    fleet: str = ""
    boot_id: str = ""
    agent_version: str = ""
    hardware: str = ""
    chips: tuple[str, ...] = ()
    rack: str = ""
    driver: str = ""


class State(NamedTuple):
    """One node. ``slots`` and ``requests`` are at most eleven minutes long, in the order of time.

    ``arrived_at`` is when the newest sample arrived, by the log's clock, 0 before the first, ``passed_at``
    the newest watermark, and ``silent_us`` how long the log has run since; ``ended_at`` is the end of the
    newest pane and ``judged_at`` of the newest judgement, by the node's clock. ``untold``: the fleet has not
    been told of the newest pane.
    """

    node_id: str
    about: About = About()
    slots: tuple[Slot, ...] = ()
    requests: tuple[RequestSlot, ...] = ()
    lives: tuple[Life, ...] = ()
    routing_hint: RoutingHint = "clear"
    hint_source: str = ""
    arrived_at: int = 0
    ended_at: int = 0
    judged_at: int = 0
    passed_at: int = 0
    silent_us: int = 0
    stopped: bool = False
    gone: bool = False
    untold: bool = False
    forgotten: bool = False
