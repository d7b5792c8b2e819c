"""Where the router may send a request: what is up and has the model, by the timeline alone.

A real router learns such things from health checks and registrations, some seconds late; here they follow
from the scenario, so that where a request goes depends on no node's physical state.
"""

import bisect
import math
from collections.abc import Iterable, Iterator, Sequence

from producers.simulator import startup
from producers.simulator.kinds import KINDS
from producers.simulator.scenario import changes as life
from producers.simulator.scenario import faults as wrong
from producers.simulator.scenario.machines import Node, Runtime
from producers.simulator.scenario.model import Scenario

# Until a router has noticed: a refused connection, one that does not answer, and one that answers again.
REFUSED_S = 2.0
SILENT_S = 5.0
_BACK_S = 3.0

Span = tuple[float, float]


class Availability:
    """Of one model on each of some nodes; the share of requests that each gets is its weight."""

    def __init__(self, scenario: Scenario, model: str, names: Sequence[str]) -> None:
        self.nodes = [node for node in scenario.nodes if node.name in names]
        self._blocked = [merged(blocked(scenario, node, model)) for node in self.nodes]
        edges = {edge for spans in self._blocked for span in spans for edge in span}
        self._edges = sorted(edge for edge in edges if edge < math.inf)
        self._choices: dict[int, list[Node]] = {}

    def at(self, at_s: float) -> list[Node]:
        """Return the nodes that may get a request, in the order of the scenario."""
        segment = bisect.bisect_right(self._edges, at_s)
        found = self._choices.get(segment)
        if found is None:
            found = self._choices[segment] = [
                node for node, spans in zip(self.nodes, self._blocked, strict=True) if free(spans, at_s)
            ]
        return found

    def next_s(self, at_s: float) -> float:
        """Return when some node may get one, at or after a moment; infinite if never."""
        if self.at(at_s):
            return at_s
        later = (edge for edge in self._edges if edge > at_s and self.at(edge))
        return next(later, math.inf)


def blocked(scenario: Scenario, node: Node, model: str) -> Iterator[Span]:
    """Give the times at which a node cannot be given requests for a model."""
    runtimes = [one for one in node.runtimes if _knows(scenario, node, one, model)]
    if not runtimes:
        yield (-math.inf, math.inf)
        return
    yield from _of_node(scenario, node, runtimes)
    per_runtime = [merged(_of_runtime(scenario, node, one, model)) for one in runtimes]
    yield from intersection(per_runtime)


def merged(spans: Iterable[Span]) -> list[Span]:
    """Return spans without overlaps, in order."""
    found: list[Span] = []
    for begin_s, end_s in sorted(span for span in spans if span[1] > span[0]):
        if found and begin_s <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end_s))
        else:
            found.append((begin_s, end_s))
    return found


def intersection(many: Sequence[Sequence[Span]]) -> list[Span]:
    """Return the times that lie in a span of each."""
    found = list(many[0])
    for others in many[1:]:
        pairs = ((max(a[0], b[0]), min(a[1], b[1])) for a in found for b in others)
        found = [(begin_s, end_s) for begin_s, end_s in pairs if begin_s < end_s]
    return merged(found)


def free(spans: Sequence[Span], at_s: float) -> bool:
    """Return whether a moment lies in none of them; their ends do not belong to them."""
    place = bisect.bisect_right(spans, (at_s, math.inf)) - 1
    return place < 0 or at_s >= spans[place][1]


def _knows(scenario: Scenario, node: Node, runtime: Runtime, model: str) -> bool:
    brought = (
        change.model.name
        for change in scenario.changes
        if isinstance(change, life.LoadModel | life.SwapModel)
        and node.name in change.nodes
        and change.runtime_id == runtime.runtime_id
    )
    return any(one.name == model for one in runtime.models) or model in brought


def _of_node(scenario: Scenario, node: Node, runtimes: Sequence[Runtime]) -> Iterator[Span]:
    boot_s = startup.BOOT_S + min(startup.start_s(node, one) for one in runtimes)
    for fault in scenario.faults:
        if node.name not in fault.nodes:
            continue
        if isinstance(fault, wrong.NodeCrash):
            yield (fault.at_s + SILENT_S, fault.until_s + boot_s + _BACK_S)
        elif isinstance(fault, wrong.NetworkPartition):
            yield (fault.at_s + SILENT_S, fault.until_s + _BACK_S)
    for change in scenario.changes:
        if node.name not in change.nodes:
            continue
        if isinstance(change, life.Shutdown):
            yield (change.at_s, change.at_s + change.down_s + boot_s + _BACK_S)
        elif isinstance(change, life.Drain):
            yield (change.at_s, change.at_s + change.duration_s)


def _of_runtime(scenario: Scenario, node: Node, runtime: Runtime, model: str) -> Iterator[Span]:
    start_s = startup.start_s(node, runtime)
    for fault in scenario.faults:
        if node.name not in fault.nodes:
            continue
        ours = isinstance(fault, wrong.RuntimeFault) and fault.runtime_id in ("", runtime.runtime_id)
        if isinstance(fault, wrong.RuntimeCrash) and ours:
            yield (fault.at_s + REFUSED_S, fault.until_s + start_s + _BACK_S)
        elif isinstance(fault, wrong.EngineHang) and ours and not fault.answers:
            yield (fault.at_s + SILENT_S, fault.until_s + _BACK_S)
        elif isinstance(fault, wrong.GpuLost) and _uses(node, runtime, fault.gpus):
            yield (fault.at_s + REFUSED_S, fault.until_s + start_s + _BACK_S)
    yield from _of_changes(scenario, node, runtime, model)


def _of_changes(scenario: Scenario, node: Node, runtime: Runtime, model: str) -> Iterator[Span]:
    start_s = startup.start_s(node, runtime)
    on_demand = KINDS[runtime.kind].on_demand
    here = any(one.name == model and (one.loaded or on_demand) for one in runtime.models)
    gone_s = -math.inf if not here else math.inf
    events = (one for one in scenario.changes if node.name in one.nodes)
    for change in sorted(events, key=lambda one: one.at_s):
        if getattr(change, "runtime_id", "") != runtime.runtime_id:
            continue
        if isinstance(change, life.RestartRuntime):
            yield (change.at_s, change.at_s + change.down_s + start_s + _BACK_S)
            continue
        comes, goes = _comes_and_goes(change, model)
        if goes and not on_demand and gone_s == math.inf:
            gone_s = change.at_s
        if comes and gone_s < math.inf:
            yield (gone_s, change.at_s + startup.model_s(node, runtime, change) + _BACK_S)
            gone_s = math.inf
        elif isinstance(change, life.SwapModel) and not on_demand and not goes:
            yield (change.at_s, change.at_s + startup.model_s(node, runtime, change) + _BACK_S)
    yield (gone_s, math.inf)


def _comes_and_goes(change: life.AnyChange, model: str) -> tuple[bool, bool]:
    if isinstance(change, life.SwapModel):
        return change.model.name == model, change.old == model
    if isinstance(change, life.LoadModel):
        return change.model.name == model, False
    return False, isinstance(change, life.UnloadModel) and change.model == model


def _uses(node: Node, runtime: Runtime, gpus: Sequence[int]) -> bool:
    spanned = set(runtime.gpus or range(node.gpus))
    return bool(spanned & set(gpus or range(node.gpus)))
