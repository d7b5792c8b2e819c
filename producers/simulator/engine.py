"""A scenario simulated: everything the log would get, in the order in which it would.

Nodes do not know of each other, so each is simulated by itself and the streams of facts are merged. A clock
ticks beside them.
"""

import heapq
import math
from collections.abc import Collection, Iterator

from producers.simulator.draws import generator
from producers.simulator.fact import Fact
from producers.simulator.link import Link
from producers.simulator.node import SimulatedNode
from producers.simulator.scenario.faults import LogStall
from producers.simulator.scenario.model import Scenario
from producers.simulator.traffic import Traffic
from schemas.events.clock_tick import ClockTick
from schemas.topics import REQUESTS, TELEMETRY

TICK_S = 5.0
CLOCK = "clock-1"
_TICKED = (TELEMETRY, REQUESTS)

__all__ = ["Fact", "simulate"]


def simulate(
    scenario: Scenario, *, seed: int | None = None, nodes: Collection[str] | None = None
) -> Iterator[Fact]:
    """Yield the facts of a scenario in the order of their arrival; the same bytes for the same seed.

    ``seed`` None is the scenario's own. With ``nodes`` only these are simulated: their facts are those that
    they have in the whole, and the ticks come too.
    """
    seed = scenario.seed if seed is None else seed
    chosen = [node for node in scenario.nodes if nodes is None or node.name in nodes]
    traffic = Traffic(scenario, seed, [node.name for node in chosen])
    streams = [SimulatedNode(scenario, node, traffic, seed).facts() for node in chosen]
    yield from heapq.merge(ticks(scenario, seed), *streams, key=_arrival)


def ticks(scenario: Scenario, seed: int) -> Iterator[Fact]:
    """Yield the ticks of the clock, one for each topic of facts that has them."""
    stalls = [(one.at_s, one.until_s) for one in scenario.faults if isinstance(one, LogStall)]
    link = Link(stalls, TICK_S, generator(seed, "clock"))
    for seq in range(math.floor(scenario.duration_s / TICK_S) + 1):
        tick = ClockTick(scenario.starts_at + round(seq * TICK_S * 1e6), CLOCK, seq, TICK_S)
        for topic in _TICKED:
            arrived_us = link.arrival_us(seq * TICK_S)
            if arrived_us is not None:
                yield Fact(topic, None, tick, scenario.starts_at + arrived_us)


def _arrival(fact: Fact) -> int:
    return fact.arrived_at
