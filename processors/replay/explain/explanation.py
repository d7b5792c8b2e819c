"""What an explanation says. Times are µs since the epoch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from schemas.events.alert import Alert
from schemas.events.observation import Evidence, Observation

Finding = Observation | Alert


class Said(NamedTuple):
    """An event of an observation or alert, and where it stands."""

    event: Finding
    topic: str
    partition: int
    offset: int
    arrived_at: int


class Point(NamedTuple):
    """One judgement. ``holds`` None: the readings did not tell. ``open``: something was open after it."""

    at: int
    holds: bool | None
    open: bool
    coverage: float
    evidence: tuple[Evidence, ...] = ()


class Limit(NamedTuple):
    """A threshold in force. ``place``: the table of the file of rules that sets it; empty: the default."""

    name: str
    value: float | bool
    unit: str
    doc: str
    place: str


class Stretch(NamedTuple):
    """Records of one partition: offsets and times of arrival, both ends included."""

    what: str
    topic: str
    partition: int
    first_offset: int
    last_offset: int
    records: int
    first_at: int
    last_at: int


@dataclass(frozen=True, slots=True)
class Judged:
    """What folding the recorded panes or summaries once more gives."""

    points: Sequence[Point]
    said: Sequence[Finding]
    stretches: Sequence[Stretch]
    chips: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Explanation:
    """All of it. ``points`` are empty where what it was judged from is gone; ``missing`` says what is.

    ``agrees``: whether the fold tells the same as was told; None: it could not be folded. ``replay``: the
    arguments of the command that replays it.
    """

    kind: Literal["observation", "alert"]
    id: str
    what: str
    title: str
    about: str
    node_id: str
    fleet: str
    window_s: int
    for_s: float
    clear_s: float
    source: str
    recorded: bool
    said: Sequence[Said]
    points: Sequence[Point]
    limits: Sequence[Limit]
    rules_then: str
    rules_now: str
    facts: Sequence[Stretch]
    agrees: bool | None
    differences: Sequence[str]
    missing: Sequence[str]
    replay: Sequence[str]

    @property
    def first(self) -> Finding:
        """The oldest event there is."""
        return self.said[0].event

    @property
    def last(self) -> Finding:
        """The newest event there is."""
        return self.said[-1].event
