"""What a replay is to do, as every process of it is told."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from processors.replay.compare import LAG_US
from processors.replay.facts import BY_NAME, derived
from processors.replay.resume import NO_CUTS, Cuts
from processors.replay.source import FOREVER, Source, Span
from processors.stage import Stage
from schemas.codec import Event
from schemas.topics import NODE_STATES, PANES, REQUESTS, TELEMETRY, Topic

Opener = Callable[[], Source]
Builder = Callable[[], Sequence[Stage[Any]]]
# With ``as_of``: how long after the range what arrives late is still looked for.
LATE_US: Final = 24 * 3600 * 1_000_000


@dataclass(frozen=True, slots=True)
class Plan:
    """Times are of the log, µs since the epoch: outputs of ``begins <= at < ends``, read from ``since`` on.

    ``partitions`` of the topics that are spread over several. ``nodes``, ``fleet``: only these; empty: all.
    ``as_of``: what arrived later is late, and told of apart. ``compare`` with what was said live, by workers
    that were at most ``lag_us`` behind. ``keep``: what is said is handed on, not only counted. ``held``: the
    names of the topics that the source has; others are not asked for. ``fed_back``: hints are not in the log
    and go back into telemetry as they are said. ``cuts``: where states from snapshots stand; empty: none.
    """

    begins: int
    ends: int
    since: int
    partitions: int
    nodes: frozenset[str] = frozenset()
    fleet: str = ""
    as_of: int = FOREVER
    compare: bool = False
    compacted: frozenset[str] = frozenset()
    lag_us: int = LAG_US
    keep: bool = False
    held: frozenset[str] = frozenset(BY_NAME)
    fed_back: bool = False
    cuts: Cuts = NO_CUTS

    def there(self, topics: Iterable[Topic]) -> tuple[Topic, ...]:
        """Return those topics that the source has, each once."""
        return tuple(dict.fromkeys(topic for topic in topics if topic.name in self.held))

    @property
    def until(self) -> int:
        """Return where reading ends."""
        if self.as_of < FOREVER:
            return max(self.ends, self.as_of) + LATE_US
        return self.ends + self.lag_us if self.compare else self.ends

    def is_fact(self, event: Event, arrived_at: int) -> bool:
        """Return whether an event belongs to the range: it arrived in it, or is of it and arrived late."""
        if arrived_at < self.ends:
            return True
        if self.as_of == FOREVER:
            return False
        return int(getattr(event, "occurred_at", FOREVER)) < self.ends

    def wants(self, topic: str, event: Event) -> bool:
        """Return whether an event is about what was asked for; what is about nothing concerns everybody."""
        if self.fleet and getattr(event, "fleet", self.fleet) != self.fleet:
            return False
        if topic == REQUESTS.name:  # of several nodes; lanes take what is theirs
            return True
        node = getattr(event, "node_id", "")
        return not self.nodes or not node or node in self.nodes


def split(stages: Sequence[Stage[Any]]) -> tuple[tuple[Stage[Any], ...], tuple[Stage[Any], ...]]:
    """Return the stages that are folded by lanes, and those behind them, which read topics in one piece."""
    lanes = tuple(stage for stage in stages if stage.source.spread)
    return lanes, tuple(stage for stage in stages if not stage.source.spread)


def sources(stages: Sequence[Stage[Any]]) -> tuple[Topic, ...]:
    """Return the topics that the stages read, each once."""
    return tuple(dict.fromkeys(stage.source for stage in stages))


def outputs(stages: Sequence[Stage[Any]]) -> tuple[Topic, ...]:
    """Return the topics that the stages write."""
    return tuple(BY_NAME[name] for name in derived(stages))


def recorded(held: Collection[str]) -> bool:
    """Return whether there is what the stages said, hints in telemetry included; a simulation has none."""
    return NODE_STATES.name in held or PANES.name in held


def partitions_of(held: Mapping[str, Span], stages: Sequence[Stage[Any]], otherwise: int) -> int:
    """Return over how many partitions the nodes are spread, by what a source holds."""
    topics = [topic.name for topic in (TELEMETRY, *sources(stages)) if topic.spread]
    known: Collection[int] = [held[topic].partitions for topic in topics if topic in held]
    return max([*known, 0]) if any(one > 0 for one in known) else otherwise
