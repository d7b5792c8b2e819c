"""Run the stage over a list of records, as any shell would: through ``advance`` alone."""

from collections.abc import Iterable

from processors.node.stage import NodeStage
from processors.node.state import State
from processors.stage import Arrived, Output, Outputs, Rejected, advance
from schemas.codec import Event
from schemas.events.node_pane import NodePane
from schemas.events.node_state import NodeState

DELAY_US = 20_000


def arrived(event: Event, delay_us: int = DELAY_US) -> Arrived:
    """Return the event as it comes ``delay_us`` after it occurred."""
    occurred_at: int = event.occurred_at
    return Arrived(event, occurred_at + delay_us)


class Replay:
    """A stage, its memory of one partition, and all it has said."""

    def __init__(self, pue: float = 1.0) -> None:
        self.stage = NodeStage(pue)
        self.states: dict[str, State] = {}
        self.said: list[Output | Rejected] = []

    def feed(self, *events: Event | Arrived) -> Outputs:
        """Advance by each; return what these said."""
        before = len(self.said)
        for event in events:
            record = event if isinstance(event, Arrived) else arrived(event)
            self.said.extend(advance(self.states, self.stage, record))
        return tuple(self.said[before:])

    def state(self, node_id: str = "node-1") -> State:
        return self.states[node_id]


def panes(outputs: Iterable[Output | Rejected]) -> list[NodePane]:
    return [out.event for out in outputs if isinstance(out, Output) and isinstance(out.event, NodePane)]


def states(outputs: Iterable[Output | Rejected]) -> list[NodeState]:
    return [out.event for out in outputs if isinstance(out, Output) and isinstance(out.event, NodeState)]


def rejected(outputs: Iterable[Output | Rejected]) -> list[Rejected]:
    return [out for out in outputs if isinstance(out, Rejected)]
