"""Attempts at nodes that are dead before their router has noticed; a stream says how many there may be.

Which attempts come to nothing follows from the timeline alone, as all that is sent does: a process that is
gone refuses at once, a machine that is gone or hangs does not answer at all. The attempt that is left enters
its node like any other request, and fails there or not.
"""

import random
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

from producers.simulator.availability import REFUSED_S, SILENT_S, Availability
from producers.simulator.scenario import faults as wrong
from producers.simulator.scenario.arrivals import Arrivals
from producers.simulator.scenario.machines import Node, Runtime
from producers.simulator.scenario.model import Scenario

REFUSED_AFTER_S = 0.002
"""Until a caller knows of a connection that is refused."""
SILENT_AFTER_S = 5.0
"""And of one that nobody answers."""


class Tried(NamedTuple):
    """An attempt that came to nothing; ``at_s``: when it went out."""

    node: str
    runtime_id: str
    at_s: float


class Unnoticed(NamedTuple):
    """A time in which a node is asked in vain, and how long each attempt takes."""

    begin_s: float
    end_s: float
    takes_s: float


class Retries:
    """The attempts of one stream.

    Args:
        scenario: with the faults.
        stream: the stream.
        availability: where it may go.
        rng: draws the nodes of further attempts, and nothing else.
    """

    def __init__(
        self, scenario: Scenario, stream: Arrivals, availability: Availability, rng: random.Random
    ) -> None:
        self._stream = stream
        self._availability = availability
        self._rng = rng
        self._unnoticed = {
            node.name: list(unnoticed(scenario, node, stream.model)) for node in availability.nodes
        }
        self._runtimes = {
            node.name: next(iter(_runtimes(node, stream.model)), None) for node in availability.nodes
        }

    def of(self, name: str, at_s: float, sent_s: float) -> tuple[str, float, tuple[Tried, ...]]:
        """Return where a request goes in the end, when, and what was tried before.

        Args:
            name: the node of the first attempt.
            at_s: when the request came.
            sent_s: when the first attempt goes out.
        """
        tried: list[Tried] = []
        while len(tried) < self._stream.attempts - 1:
            takes_s = self._in_vain_s(name, sent_s)
            if takes_s is None or sent_s + takes_s > at_s + self._stream.patience_s:
                break
            runtime = self._runtimes[name]
            others = self._others({name, *(one.node for one in tried)}, sent_s + takes_s)
            if runtime is None or not others:
                break
            tried.append(Tried(name, runtime.runtime_id, sent_s))
            name, sent_s = self._chosen(others), sent_s + takes_s
        return name, sent_s, tuple(tried)

    def _in_vain_s(self, name: str, at_s: float) -> float | None:
        found = (one.takes_s for one in self._unnoticed[name] if one.begin_s <= at_s < one.end_s)
        return next(found, None)

    def _others(self, tried: set[str], at_s: float) -> list[Node]:
        return [node for node in self._availability.at(at_s) if node.name not in tried and node.weight > 0]

    def _chosen(self, nodes: Sequence[Node]) -> str:
        weights = list(accumulate(node.weight for node in nodes))
        return self._rng.choices(nodes, cum_weights=weights)[0].name


def unnoticed(scenario: Scenario, node: Node, model: str) -> Iterator[Unnoticed]:
    """Give the times at which a node is dead and its router has not noticed.

    Where several runtimes of a node have the model, what fails one of them is left to the node.
    """
    ids = [one.runtime_id for one in _runtimes(node, model)]
    for fault in scenario.faults:
        if node.name not in fault.nodes:
            continue
        if isinstance(fault, wrong.NodeCrash | wrong.NetworkPartition):
            yield Unnoticed(fault.at_s, min(fault.until_s, fault.at_s + SILENT_S), SILENT_AFTER_S)
        elif isinstance(fault, wrong.RuntimeCrash | wrong.EngineHang) and len(ids) == 1:
            if fault.runtime_id not in ("", ids[0]):
                continue
            if isinstance(fault, wrong.RuntimeCrash):
                yield Unnoticed(fault.at_s, min(fault.until_s, fault.at_s + REFUSED_S), REFUSED_AFTER_S)
            elif not fault.answers:
                yield Unnoticed(fault.at_s, min(fault.until_s, fault.at_s + SILENT_S), SILENT_AFTER_S)


def _runtimes(node: Node, model: str) -> list[Runtime]:
    return [one for one in node.runtimes if any(each.name == model for each in one.models)]
