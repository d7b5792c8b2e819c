"""How often and how long each pattern and alert fired, in all and at each node."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from processors.replay.backtest.asked import Asked
from processors.replay.backtest.fired import Fired
from schemas.labels import Kind


@dataclass(frozen=True, slots=True)
class Total:
    """How often, and for how many seconds of the range."""

    fired: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Totals:
    """A pattern or an alert. ``nodes`` has those at which it fired; an alert of several nodes is of none."""

    kind: Kind
    id: str
    all: Total
    nodes: Mapping[str, Total]


def totals(asked: Asked, fired: Sequence[Fired], since: int, until: int) -> list[Totals]:
    """Return the totals of each that was judged, those that never fired included."""
    subjects: list[tuple[Kind, str]] = [("pattern", id_) for id_ in asked.patterns]
    subjects += [("alert", id_) for id_ in asked.alerts]
    found = []
    for kind, id_ in subjects:
        mine = [one for one in fired if (one.kind, one.id) == (kind, id_)]
        nodes = sorted({one.node for one in mine} - {""})
        by_node = {name: _total([one for one in mine if one.node == name], since, until) for name in nodes}
        found.append(Totals(kind, id_, _total(mine, since, until), by_node))
    return found


def _total(fired: Sequence[Fired], since: int, until: int) -> Total:
    return Total(len(fired), sum(one.seconds(since, until) for one in fired))
