"""What a backtest of patterns reads: panes made ready for the stage, and what else concerns nodes."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from processors.patterns.taken import Taken, taken_of
from processors.replay.backtest.kinds import Wanted
from processors.replay.source import Source
from schemas.events.node_pane import NodePane
from schemas.events.operator_action import OperatorAction
from schemas.events.request_pane import RequestPane
from schemas.events.watermark import Watermark
from schemas.topics import PANES

Besides = RequestPane | OperatorAction | Watermark
KINDS = (NodePane, RequestPane, OperatorAction, Watermark)


class Fed(NamedTuple):
    """A record of panes. ``node_id`` empty: it concerns every node of its partition."""

    node_id: str
    partition: int
    arrived_at: int
    event: Taken | Besides


@dataclass(frozen=True, slots=True)
class Part:
    """What one process reads: a range of log time, of some partitions; empty ``nodes``, ``fleets``: all."""

    since: int
    until: int
    partitions: tuple[int, ...] = ()
    nodes: tuple[str, ...] = ()
    fleets: tuple[str, ...] = ()


class Feed(Protocol):
    """Records of panes; those that concern a node in the order of its partition."""

    @property
    def unreadable(self) -> int:
        """How many records could not be read."""
        ...

    def read(self, part: Part) -> Iterator[Fed]:
        """Yield the records of a part."""
        ...


class SourceFeed:
    """Panes decoded from the bytes of any source."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._wanted = Wanted(source.codec(), KINDS)

    @property
    def unreadable(self) -> int:
        """How many records could not be read."""
        return self._wanted.unreadable

    def read(self, part: Part) -> Iterator[Fed]:
        """Yield the records of a part, in the order of the source."""
        records = self._source.read([PANES], part.since, part.until, part.nodes, part.partitions)
        for record, event in self._wanted.among(records):
            if isinstance(event, Watermark):
                yield Fed("", record.partition, record.arrived_at, event)
            elif isinstance(event, NodePane | RequestPane | OperatorAction) and in_part(
                part.fleets, event.fleet
            ):
                ready = taken_of(event) if isinstance(event, NodePane) else event
                yield Fed(event.node_id, record.partition, record.arrived_at, ready)


def in_part(chosen: Collection[str], name: str) -> bool:
    """Return whether a name is among those chosen; none chosen: all are."""
    return not chosen or name in chosen
