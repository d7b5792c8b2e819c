"""Requests as they come to the router, and the node that each is sent to.

A stream draws from a generator of its own. Where a request goes depends on the timeline and on weights, never
on how a node is doing, so that the traffic is the same whichever nodes are simulated.
"""

import bisect
import heapq
import math
import random
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from itertools import accumulate
from typing import NamedTuple

from producers.simulator.availability import Availability
from producers.simulator.draws import generator
from producers.simulator.retries import Retries, Tried
from producers.simulator.scenario.arrivals import (
    Arrivals,
    Bursts,
    Closed,
    Constant,
    Diurnal,
    Poisson,
    TokenLengths,
    Uniform,
)
from producers.simulator.scenario.faults import LongPromptFlood
from producers.simulator.scenario.model import Scenario

_DAY_S = 86_400.0
_NEVER = math.inf


class Arrival(NamedTuple):
    """A request on its way to a node.

    ``sent_s``: when the router lets it go to that node; infinite: never. ``tried``: nodes that were asked
    before, in vain.
    """

    at_s: float
    stream: int
    serial: int
    sent_s: float
    prompt: int
    output: int
    tried: tuple[Tried, ...] = ()

    @property
    def admitted_s(self) -> float:
        """When the router let it go for the first time."""
        return self.tried[0].at_s if self.tried else self.sent_s


class Traffic:
    """Hands every node its requests, as far as they were asked for."""

    def __init__(self, scenario: Scenario, seed: int, names: Collection[str]) -> None:
        self.streams = streams(scenario)
        self._waiting: Mapping[str, list[Arrival]] = {name: [] for name in names}
        self.availability = [Availability(scenario, stream.model, stream.nodes) for stream in self.streams]
        self._sources = [
            _Source(scenario, seed, index, stream, self.availability[index])
            for index, stream in enumerate(self.streams)
            if not isinstance(stream.process, Closed) and not self._waiting.keys().isdisjoint(stream.nodes)
        ]
        self._known_s = 0.0

    def take(self, name: str, until_s: float) -> Iterator[Arrival]:
        """Give the requests for a node that come before a time, each once, in order."""
        if until_s > self._known_s:
            self._known_s = until_s
            for source in self._sources:
                source.fill(until_s, self._waiting)
        waiting = self._waiting[name]
        while waiting and waiting[0].at_s < until_s:
            yield heapq.heappop(waiting)


def streams(scenario: Scenario) -> tuple[Arrivals, ...]:
    """Return the streams of a scenario, floods of long prompts included."""
    floods = (
        Arrivals(
            name=f"flood-{index}",
            model=fault.model,
            nodes=fault.nodes,
            process=Poisson(fault.rate_per_s),
            prompt_tokens=fault.prompt_tokens,
            output_tokens=fault.output_tokens,
            begin_s=fault.at_s,
            end_s=fault.until_s,
            patience_s=fault.patience_s,
            key=fault.key,
        )
        for index, fault in enumerate(scenario.faults)
        if isinstance(fault, LongPromptFlood)
    )
    return tuple(
        replace(stream, end_s=min(stream.end_s, scenario.duration_s))
        for stream in (*scenario.arrivals, *floods)
    )


def draw_tokens(lengths: TokenLengths, rng: random.Random) -> int:
    """Return a number of tokens."""
    if isinstance(lengths, Constant):
        return lengths.tokens
    if isinstance(lengths, Uniform):
        return rng.randint(lengths.low, lengths.high)
    return max(1, min(lengths.high, round(lengths.median * math.exp(lengths.sigma * rng.gauss(0.0, 1.0)))))


class _Source:
    """One stream: its next request, drawn ahead."""

    def __init__(
        self, scenario: Scenario, seed: int, index: int, stream: Arrivals, availability: Availability
    ) -> None:
        self._stream = stream
        self._index = index
        self._rng = generator(seed, "arrivals", stream.name)
        self._availability = availability
        self._times = _times(stream, (scenario.starts_at / 1e6) % _DAY_S, self._rng)
        self._next_s = next(self._times, _NEVER)
        self._serial = 0
        self._weights: dict[tuple[str, ...], list[float]] = {}
        self._retries: Retries | None = None
        if stream.attempts > 1:
            rng = generator(seed, "retries", stream.name)
            self._retries = Retries(scenario, stream, availability, rng)

    def fill(self, until_s: float, waiting: Mapping[str, list[Arrival]]) -> None:
        """Draw the requests before a time, and give each to its node, where that is simulated."""
        while self._next_s < until_s:
            rng, stream = self._rng, self._stream
            at_s = self._next_s
            prompt, output = draw_tokens(stream.prompt_tokens, rng), draw_tokens(stream.output_tokens, rng)
            sent_s = self._availability.next_s(at_s)
            name = self._chosen(sent_s if sent_s < _NEVER else at_s)
            tried: tuple[Tried, ...] = ()
            if self._retries is not None and sent_s - at_s <= stream.queue_patience_s:
                name, sent_s, tried = self._retries.of(name, at_s, sent_s)
            if name in waiting:
                arrival = Arrival(at_s, self._index, self._serial, sent_s, prompt, output, tried)
                heapq.heappush(waiting[name], arrival)
            self._serial += 1
            self._next_s = next(self._times, _NEVER)

    def _chosen(self, at_s: float) -> str:
        nodes = self._availability.at(at_s) or self._availability.nodes
        names = tuple(node.name for node in nodes)
        weights = self._weights.get(names)
        if weights is None:
            weights = self._weights[names] = list(accumulate(node.weight for node in nodes))
        place = bisect.bisect_right(weights, self._rng.random() * weights[-1])
        return names[min(place, len(names) - 1)]


def _times(stream: Arrivals, begins_at_s: float, rng: random.Random) -> Iterator[float]:
    """Give the moments of a stream, in order; ``begins_at_s`` is the second of the day at the start."""
    process = stream.process
    if isinstance(process, Poisson):
        return _poisson(stream, process.rate_per_s, rng)
    if isinstance(process, Diurnal):
        return _diurnal(stream, process, begins_at_s, rng)
    if isinstance(process, Bursts):
        return _bursts(stream, process, rng)
    return iter(())


def _poisson(stream: Arrivals, rate_per_s: float, rng: random.Random) -> Iterator[float]:
    at_s = stream.begin_s
    while rate_per_s > 0.0:
        at_s += rng.expovariate(rate_per_s)
        if at_s >= stream.end_s:
            return
        yield at_s


def _diurnal(stream: Arrivals, process: Diurnal, begins_at_s: float, rng: random.Random) -> Iterator[float]:
    span = process.high_per_s - process.low_per_s
    for at_s in _poisson(stream, process.high_per_s, rng):
        angle = 2.0 * math.pi * (begins_at_s + at_s - process.peak_s) / _DAY_S
        rate_per_s = process.low_per_s + span * 0.5 * (1.0 + math.cos(angle))
        if rng.random() * process.high_per_s < rate_per_s:
            yield at_s


def _bursts(stream: Arrivals, process: Bursts, rng: random.Random) -> Iterator[float]:
    begin_s = stream.begin_s
    while begin_s < stream.end_s:
        for at_s in sorted(begin_s + process.within_s * rng.random() for _ in range(process.size)):
            if at_s < stream.end_s:
                yield at_s
        begin_s += process.every_s
