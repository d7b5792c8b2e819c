"""One node of a simulation: its machine, its agent, and what happens to them in the course of time.

    timeline --> machine (physics) --> agent (readings) --> link --> the log
    traffic ---> door -----^

A node depends on the scenario and the seed alone, so any part of a fleet can be simulated by itself.
"""

import heapq
import math
from collections.abc import Callable, Iterator
from functools import partial

from producers.simulator import startup
from producers.simulator.agent import Agent
from producers.simulator.door import Door
from producers.simulator.draws import generator
from producers.simulator.fact import Fact
from producers.simulator.faults.table import effect_of
from producers.simulator.life import apply
from producers.simulator.link import Link
from producers.simulator.machine import Machine
from producers.simulator.physics.batching import End
from producers.simulator.physics.queueing import Request
from producers.simulator.readings.held import HeldReadings
from producers.simulator.scenario.faults import LogStall, NetworkPartition
from producers.simulator.scenario.machines import Node
from producers.simulator.scenario.model import Scenario
from producers.simulator.traffic import Traffic
from schemas.codec import Event
from schemas.events.node_sample import Suspect
from schemas.topics import NODES, REQUESTS, TELEMETRY, Topic

# No step of the physics is longer.
_LONGEST_S = 1.0
_DAY_S = 86_400.0
_LEAST_CLOCK_STEP_S = 0.25
# Until the agent says its first word; then samples follow.
_FIRST_S = 0.001
VERSION = "0.1.0"
# What was said in the scenario's last moment is on its way for so long.
_LAST_S = 0.1

Stepper = Callable[[float], None]


class SimulatedNode:
    """One node. ``facts`` yields what the log gets of it, in the order of arrival."""

    def __init__(self, scenario: Scenario, node: Node, traffic: Traffic, seed: int) -> None:
        self.node = node
        self._scenario = scenario
        self._seed = seed
        rng = generator(seed, "node", node.name)
        day_s = (scenario.starts_at / 1e6) % _DAY_S
        self.door = Door(scenario, node.name, traffic, seed, self._say_request)
        self._machine = Machine(
            node, scenario.environment, seed=seed, day_s=day_s, on_end=self._ended,
            on_first=self.door.first_token,
        )  # fmt: skip
        stalls = [(one.at_s, one.until_s) for one in scenario.faults if isinstance(one, LogStall)]
        cuts = [
            (one.at_s, one.until_s)
            for one in scenario.faults
            if isinstance(one, NetworkPartition) and node.name in one.nodes
        ]
        self._link = Link([*stalls, *cuts], scenario.interval_s, rng)
        self._router_link = Link(stalls, scenario.interval_s, generator(seed, "router", node.name))
        self._cuts = cuts
        self._pending: list[tuple[int, int, Fact]] = []
        self._said = 0
        self._timeline: list[tuple[float, int, Callable[[float], None]]] = []
        self._planned = 0
        self._steppers: list[Stepper] = []
        self._held = HeldReadings(node.gpus)
        self._offset_s = self._drift = self._drift_from_s = self._stepped_s = 0.0
        self._synchronized = True
        self._boots = 0
        self._version = node.agent_version or VERSION
        self.agent: Agent | None = None
        self._phase_s = (0.05 + 0.9 * rng.random()) * min(scenario.interval_s, _LONGEST_S)
        self._plan()

    @property
    def machine(self) -> Machine:
        """The machine."""
        return self._machine

    def facts(self) -> Iterator[Fact]:
        """Yield what the log gets, step by step."""
        scenario = self._scenario
        substeps = max(1, math.ceil(scenario.interval_s / _LONGEST_S - 1e-9))
        step_s = scenario.interval_s / substeps
        for server in self._machine.servers:
            server.start(0.0, warm=True)
        self.start_agent(0.0)
        begin_s, number = 0.0, 0
        while begin_s < scenario.duration_s:
            end_s = self._phase_s + number * step_s
            self._happen(begin_s)
            self.door.open(self._machine, end_s)
            self._machine.step(begin_s, end_s)
            if self.agent is not None and number % substeps == 0 and end_s <= scenario.duration_s:
                self._sample(end_s)
            yield from self._due(end_s)
            begin_s, number = end_s, number + 1
        yield from self._due(scenario.duration_s + _LAST_S)

    def plan(self, at_s: float, what: Callable[[float], None]) -> None:
        """Let something happen at a time."""
        if at_s < math.inf:
            self._planned += 1
            heapq.heappush(self._timeline, (at_s, self._planned, what))

    def cut(self, now_s: float, *, at_once: bool) -> None:
        """Break the router's connections to the node."""
        self.door.cut(self._machine, now_s, at_once=at_once)

    def power_off(self, now_s: float) -> None:
        """Take the power away."""
        self.cut(now_s, at_once=False)
        self._machine.power_off(now_s)
        self.agent = None

    def boot(self, now_s: float) -> None:
        """Give power back; agent and runtimes start when the machine has booted."""
        self.plan(now_s + startup.BOOT_S, self._booted)

    def kill_agent(self, now_s: float) -> None:
        """End the agent without a word."""
        self.agent = None

    def start_agent(self, now_s: float, version: str = "") -> None:
        """Start the agent anew; with an empty version its last one."""
        if self._machine.off:
            return
        self._version = version or self._version
        scenario = self._scenario
        self.agent = Agent(
            self._machine, fleet=scenario.fleet_of(self._machine.node.name), version=self._version,
            boots=self._boots, interval_s=scenario.interval_s, starts_at=scenario.starts_at, now_s=now_s,
            seed=self._seed,
        )  # fmt: skip
        self._boots += 1
        for gpu in self._machine.gpus:
            gpu.xids.clear()  # nobody heard of them

    def stop_agent(self, now_s: float) -> None:
        """End the agent in an orderly way."""
        if self.agent is not None and self.agent.seq:
            stopped = self.agent.stopped(self._wall(now_s))
            self._say(NODES, stopped, now_s)
            self._say(TELEMETRY, stopped, now_s)
        self.agent = None

    def set_clock(self, now_s: float, offset_s: float, drift_ppm: float, *, synchronized: bool) -> None:
        """Set the node's clock, and how fast it goes wrong."""
        before_s = self._ahead(now_s)
        self._offset_s, self._drift, self._drift_from_s = offset_s, drift_ppm * 1e-6, now_s
        self._synchronized = synchronized
        self._stepped_s += offset_s - before_s

    def fail_share(self, runtime_id: str, ratio: float) -> None:
        """Let a share of the requests to a runtime fail."""
        ids = [one.runtime_id for one in self.node.runtimes if runtime_id in ("", one.runtime_id)]
        self.door.fail_share(ids, ratio)

    def hold_reading(self, reading: str, gpus: tuple[int, ...], *, lost: bool) -> None:
        """Let a reading repeat, or be missing."""
        self._held.hold(reading, gpus, lost=lost)

    def release_reading(self, reading: str, gpus: tuple[int, ...]) -> None:
        """Let a reading follow the world again."""
        self._held.release(reading, gpus)

    def _plan(self) -> None:
        """Put faults and changes on the timeline."""
        for fault in self._scenario.faults:
            effect = effect_of(fault) if self.node.name in fault.nodes else None
            if effect is None:
                continue
            self.plan(fault.at_s, partial(effect.begin, self))
            if effect.steps:
                stepper = partial(effect.step, self)
                self.plan(fault.at_s, partial(self._step_with, stepper))
                self.plan(fault.until_s + effect.after_s, partial(self._step_without, stepper))
            self.plan(fault.until_s, partial(effect.end, self))
        for change in self._scenario.changes:
            if self.node.name in change.nodes:
                self.plan(change.at_s, partial(apply, change, self))

    def _step_with(self, stepper: Stepper, _now_s: float) -> None:
        self._steppers.append(stepper)

    def _step_without(self, stepper: Stepper, _now_s: float) -> None:
        self._steppers.remove(stepper)

    def _happen(self, now_s: float) -> None:
        timeline = self._timeline
        while timeline and timeline[0][0] <= now_s:
            heapq.heappop(timeline)[2](now_s)
        for stepper in self._steppers:
            stepper(now_s)
        if self._cuts:
            self.door.closed = any(begin_s <= now_s < end_s for begin_s, end_s in self._cuts)

    def _booted(self, now_s: float) -> None:
        self._machine.power_on()
        for server in self._machine.servers:
            server.start(now_s)
        self.start_agent(now_s)

    def _sample(self, now_s: float) -> None:
        agent = self.agent
        assert agent is not None
        if agent.seq == 0:
            agent.look(now_s)
        at = self._wall(now_s)
        registration = agent.registration(now_s, at)
        if registration is not None:
            self._say(NODES, registration, now_s)
            self._say(TELEMETRY, registration, now_s)
        waiting = self._link.spool(now_s)
        sample = agent.sample(
            now_s, at, spooled=waiting.records, held=waiting.held, synchronized=self._synchronized
        )
        if abs(self._stepped_s) >= _LEAST_CLOCK_STEP_S:
            if agent.seq > 1:  # an agent that has just started knows no time before
                step = Suspect("occurred_at", self._stepped_s, "clock_step")
                sample = sample._replace(suspects=(*sample.suspects, step))
            self._stepped_s = 0.0
        self._say(TELEMETRY, self._held.applied(sample), now_s)

    def _ended(self, request: Request, how: End, at_s: float) -> None:
        self.door.ended(self._machine, request, how, at_s)

    def _ahead(self, now_s: float) -> float:
        return self._offset_s + self._drift * (now_s - self._drift_from_s)

    def _wall(self, now_s: float) -> int:
        """Return the node's clock, µs since the epoch."""
        return self._scenario.starts_at + round((now_s + self._ahead(now_s)) * 1e6)

    def _say(self, topic: Topic, event: Event, at_s: float) -> None:
        self._put(topic, self.node.name, event, self._link.arrival_us(at_s))

    def _say_request(self, request_id: str, event: Event, at_s: float) -> None:
        self._put(REQUESTS, request_id, event, self._router_link.at_us(at_s))

    def _put(self, topic: Topic, key: str, event: Event, arrived_us: int | None) -> None:
        if arrived_us is None:
            return
        self._said += 1
        fact = Fact(topic, key, event, self._scenario.starts_at + arrived_us)
        heapq.heappush(self._pending, (fact.arrived_at, self._said, fact))

    def _due(self, until_s: float) -> Iterator[Fact]:
        """Yield what has arrived before anything that is yet to be said can."""
        until = self._scenario.starts_at + round(until_s * 1e6)
        pending = self._pending
        while pending and pending[0][0] <= until:
            yield heapq.heappop(pending)[2]
