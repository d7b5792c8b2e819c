"""Clients that wait for an answer, think, and ask again; each stays with one node."""

import heapq
import math
from collections.abc import Iterator, Sequence

from producers.simulator.draws import generator
from producers.simulator.scenario.arrivals import Arrivals, Closed
from producers.simulator.scenario.machines import Node
from producers.simulator.traffic import draw_tokens

# A client whose request failed does not ask again at once.
_PAUSE_S = 1.0


class Clients:
    """The clients of one node, of every stream."""

    def __init__(self, streams: Sequence[Arrivals], nodes: Sequence[Node], name: str, seed: int) -> None:
        self._streams = streams
        self._rngs = {
            index: generator(seed, "clients", stream.name, name)
            for index, stream in enumerate(streams)
            if isinstance(stream.process, Closed) and name in stream.nodes
        }
        self._asks: list[tuple[float, int, int]] = []
        for index, rng in self._rngs.items():
            stream = streams[index]
            assert isinstance(stream.process, Closed)
            for client in range(_share(stream, stream.process.clients, nodes, name)):
                begin_s = stream.begin_s + (stream.process.think_s + 0.1) * rng.random()
                heapq.heappush(self._asks, (begin_s, index, client))

    def asking(self, until_s: float) -> Iterator[tuple[float, int, int]]:
        """Give when, of which stream and who asks before a time."""
        while self._asks and self._asks[0][0] < until_s:
            yield heapq.heappop(self._asks)

    def lengths(self, stream: int) -> tuple[int, int]:
        """Draw the tokens of a prompt and its answer."""
        rng, what = self._rngs[stream], self._streams[stream]
        return draw_tokens(what.prompt_tokens, rng), draw_tokens(what.output_tokens, rng)

    def answered(self, stream: int, client: int, at_s: float, *, well: bool) -> float:
        """Let a client think; return when it asks again, infinite if no more."""
        what = self._streams[stream]
        assert isinstance(what.process, Closed)
        think_s = what.process.think_s
        next_s = at_s + (self._rngs[stream].expovariate(1.0 / think_s) if think_s > 0.0 else 0.0)
        next_s = next_s if well else max(next_s, at_s + _PAUSE_S)
        return next_s if next_s < what.end_s else math.inf

    def later(self, at_s: float, stream: int, client: int) -> None:
        """Let a client ask at a time to come."""
        heapq.heappush(self._asks, (at_s, stream, client))


def _share(stream: Arrivals, clients: int, nodes: Sequence[Node], name: str) -> int:
    """Return how many clients stay with a node: by weight, the remainder to the first."""
    weights = [(node.name, node.weight) for node in nodes if node.name in stream.nodes]
    whole = sum(weight for _, weight in weights)
    exact = [(which, clients * weight / whole) for which, weight in weights]
    counts = {which: int(count) for which, count in exact}
    rest = clients - sum(counts.values())
    for which, _ in sorted(exact, key=lambda one: -(one[1] - int(one[1])))[:rest]:
        counts[which] += 1
    return counts[name]
