"""A lane of a replay: the stages that read node by node, for one partition of nodes.

Lanes know nothing of each other, so processes can share them. Facts of requests are spread by request and
concern nodes of any lane: every lane reads all of them, and folds what is about its own nodes.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Generic, TypeVar

from processors.chain import Record
from processors.replay.ahead import Ahead, PlacedChain
from processors.requests.state import FLEET_KEY
from processors.stage import Arrived, Outputs, Stage
from schemas.codec import Event
from schemas.partition import partition_of
from schemas.topics import Topic

State = TypeVar("State")


class Lane:
    """Folds the records of one partition of nodes, and of requests what concerns these nodes."""

    def __init__(
        self,
        number: int,
        stages: Sequence[Stage[Any]],
        partitions: int,
        *,
        recorded: Collection[Topic] = (),
        nodes: Collection[str] = (),
        ahead: Mapping[str, Ahead] | None = None,
    ) -> None:
        self.number = number
        self.stages = stages
        self._owns = _Owner(number, partitions, frozenset(nodes))
        restricted = [stage if _by_node(stage) else Restricted(stage, self._owns) for stage in stages]
        self.chain = PlacedChain(restricted, partitions, recorded)
        self.chain.ahead = dict(ahead or {})

    def resume(self, found: Mapping[tuple[str, int], Mapping[str, Any]]) -> None:
        """Begin with states, by stage and partition of its source, instead of none."""
        for stage in self.stages:
            for (name, partition), states in found.items():
                if name != stage.name:
                    continue
                if not _by_node(stage):
                    owned = {key: state for key, state in states.items() if self._owns(key)}
                    self.chain.states(stage, partition).update(owned)
                elif partition == self.number:
                    self.chain.states(stage, partition).update(states)

    def feed(self, record: Record) -> list[Record]:
        """Return what follows from a record, after the actions that are due before it."""
        if not self.chain.ahead:
            return self.chain.feed(record)
        said: list[Record] = []
        for ahead in self.chain.ahead.values():
            ahead.read(record.arrived_at)
            for action in ahead.due(record.arrived_at - 1):
                said += self.chain.feed(action)
        return [*said, *self.chain.feed(record)] if said else self.chain.feed(record)


def _by_node(stage: Stage[Any]) -> bool:
    return stage.source.key != "request_id"


class _Owner:
    """Whether a key of the request stage belongs to a lane, and is wanted."""

    def __init__(self, lane: int, partitions: int, nodes: frozenset[str]) -> None:
        self._lane = lane
        self._partitions = partitions
        self._nodes = nodes

    def __call__(self, key: str) -> bool:
        # What is said of a fleet as a whole has no node, and goes to the partition of the empty key.
        node = "" if key.startswith(FLEET_KEY) else key
        if partition_of(node, self._partitions) != self._lane:
            return False
        return not self._nodes or key in self._nodes


class Restricted(Generic[State]):
    """A stage of which only some keys are folded.

    It is a ``Stage`` by its shape alone: from the compiled protocol nothing interpreted can inherit.
    """

    def __init__(self, stage: Stage[State], wanted: Callable[[str], bool]) -> None:
        self._stage = stage
        self._wanted = wanted

    @property
    def name(self) -> str:
        """Name of the stage."""
        return self._stage.name

    @property
    def source(self) -> Topic:
        """The topic it reads."""
        return self._stage.source

    @property
    def states(self) -> Topic:
        """The topic that keeps its states, live."""
        return self._stage.states

    def key(self, event: Event) -> str | tuple[str, ...] | None:
        """Return those of the keys that are wanted."""
        keys = self._stage.key(event)
        if keys is None:
            return None
        found = (keys,) if isinstance(keys, str) else keys
        return tuple(key for key in found if self._wanted(key))

    def initial(self, key: str) -> State:
        """Return the state of a key that has not been seen."""
        return self._stage.initial(key)

    def step(self, state: State, arrived: Arrived) -> tuple[State, Outputs]:
        """Return the state after one record, and what follows from it."""
        return self._stage.step(state, arrived)

    def forward(self, arrived: Arrived) -> Outputs:
        """Return what follows once from a record that concerns every key."""
        return self._stage.forward(arrived)

    def settled(self, state: State) -> bool:
        """Return whether the state could be stored, live."""
        return self._stage.settled(state)

    def over(self, state: State) -> bool:
        """Return whether the key can be forgotten."""
        return self._stage.over(state)

    def encode(self, state: State) -> bytes:
        """Return the state as bytes."""
        return self._stage.encode(state)

    def decode(self, raw: bytes) -> State:
        """Return the state of ``encode``."""
        return self._stage.decode(raw)
