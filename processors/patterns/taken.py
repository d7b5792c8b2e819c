"""A pane as the pattern stage takes it: made once, however many sets of rules judge it."""

from typing import NamedTuple

from processors.patterns import summary
from processors.patterns.state import About
from processors.windows.slot import Slot, slot_of
from schemas.events.node_pane import NodePane


class Taken(NamedTuple):
    """What the stage takes of a pane. Times µs since the epoch: its end, and its newest sample's arrival."""

    slot: Slot
    about: About
    ended_at: int
    arrived_at: int
    stopped: bool


def taken_of(pane: NodePane) -> Taken:
    """Return what the stage takes of a pane."""
    return Taken(slot_of(pane), summary.about(pane), pane.occurred_at, pane.last_arrived_at, pane.stopped > 0)
