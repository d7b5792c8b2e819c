"""What an alert is: a pure judgement of what a fleet knows, with what a person needs to act on it.

``NodeAlert`` judges one node by its own summaries and baselines, with each of them. ``FleetAlert`` compares
nodes, every ten seconds of log time, and gives a judgement for each subject: a node, or a group of nodes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from processors.fleet.state import Member, Watched
from processors.patterns.pattern import Judgement
from processors.patterns.thresholds import Thresholds
from schemas.events.node_summary import NodeSummary


@dataclass(frozen=True, slots=True)
class NodeAlert:
    """An alert about one node. ``survives_silence``: it does not end because the node has gone.

    ``retold``: it is told again when its deciding value has moved; not for one that only grows with time.

    ``for_s``, ``clear_s``: seconds of log time. ``departs``: where it differs from Wicklee's, and why.
    """

    id: str
    title: str
    about: str
    for_s: int
    clear_s: int
    action: str
    recommendation: str
    thresholds: type[Thresholds]
    judge: Callable[[NodeSummary, Watched, Any], Judgement]
    survives_silence: bool = False
    retold: bool = True
    departs: str = ""


@dataclass(frozen=True, slots=True)
class FleetAlert:
    """An alert that compares nodes. ``judge`` returns a judgement for each subject that it has something of.

    A subject is a node_id, or a name of its own for a group; a subject that is left out is judged False.
    The ``subjects`` of a judgement are the nodes concerned.
    """

    id: str
    title: str
    about: str
    for_s: int
    clear_s: int
    action: str
    recommendation: str
    thresholds: type[Thresholds]
    judge: Callable[["Fleet", Any], Mapping[str, Judgement]]
    retold: bool = True
    departs: str = ""


@dataclass(frozen=True, slots=True)
class Fleet:
    """The nodes of a fleet at ``at`` (log time, µs), by node_id, each as it last was until then."""

    name: str
    at: int
    members: Mapping[str, Member]
