"""A scenario, read and checked: the one value that the engine and the scorer are given.

Names of nodes are expanded, patterns and racks resolved, units converted: seconds, bytes, watts, °C, µs since
the epoch. Everything is frozen, compares by value and can be sent to another process.
"""

from dataclasses import dataclass

from producers.simulator.scenario.arrivals import Arrivals
from producers.simulator.scenario.changes import AnyChange
from producers.simulator.scenario.faults import AnyFault
from producers.simulator.scenario.machines import Environment, Node
from schemas.labels import Allowance, Expectation


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A fleet, what is asked of it, what happens to it, and what must be noticed.

    ``starts_at`` in µs since the epoch. ``labelled``: it has labels, if only that nothing may be noticed.
    """

    name: str
    about: str
    seed: int
    starts_at: int
    duration_s: float
    interval_s: float
    fleet: str
    environment: Environment
    nodes: tuple[Node, ...]
    arrivals: tuple[Arrivals, ...] = ()
    changes: tuple[AnyChange, ...] = ()
    faults: tuple[AnyFault, ...] = ()
    expect: tuple[Expectation, ...] = ()
    allow: tuple[Allowance, ...] = ()
    labelled: bool = False

    def node(self, name: str) -> Node:
        """Return a node by its name, which exists."""
        return next(node for node in self.nodes if node.name == name)

    def fleet_of(self, name: str) -> str:
        """Return the fleet of a node, which exists."""
        return self.node(name).fleet or self.fleet
