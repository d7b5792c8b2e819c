"""One line for each node, from what the stages know of it; no reading is a dash."""

from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass

from api.query.fleet import Node
from schemas.events.node_state import NodeState
from schemas.events.reading import known

NONE = "–"
HEADINGS = ("node", "state", "speed", "WES", "power", "hottest", "CPU", "age")


@dataclass(frozen=True, slots=True)
class Line:
    """The cells of a node's line, as people read them."""

    node: str
    state: str
    speed: str
    wes: str
    power: str
    temperature: str
    cpu: str
    age: str

    def __str__(self) -> str:
        """Return the line for where there is no table."""
        named = zip(HEADINGS[1:], astuple(self)[1:], strict=True)
        cells = [f"WES {cell}" if heading == "WES" else cell for heading, cell in named if cell != NONE]
        return f"{self.node}: {', '.join(cells)}"


def lines(nodes: Iterable[Node], now: int) -> Iterator[Line]:
    """Return the lines of the nodes that have sent a state; ``now`` in µs since the epoch."""
    return (_line(node, node.state, now) for node in nodes if node.state is not None)


def what_matters(node: Node, now: int) -> tuple[bool, str, str]:
    """Return what makes a line worth printing again where lines cannot be redrawn."""
    state = node.state
    return (node.is_up(now), state.inference_state if state else "", state.thermal_state if state else "")


def _line(node: Node, state: NodeState, now: int) -> Line:
    age = _age(node.silent_s(now))
    if not node.is_up(now):
        return Line(node.node_id, "down", NONE, NONE, NONE, NONE, NONE, age)
    return Line(
        node.node_id,
        _state(state),
        _with_unit(state.tokens_per_second, "tok/s"),
        _wes(state.wes),
        _with_unit(state.power_w, "W"),
        _with_unit(_hottest(state), "°C"),
        f"{state.cpu_ratio:.0%}" if known(state.cpu_ratio) else NONE,
        age,
    )


def _state(state: NodeState) -> str:
    hot = state.thermal_state in ("fair", "serious", "critical")
    return f"{state.inference_state}, {state.thermal_state} heat" if hot else state.inference_state


def _hottest(state: NodeState) -> float:
    return max((gpu.temperature_c for gpu in state.gpus if known(gpu.temperature_c)), default=float("nan"))


def _with_unit(value: float, unit: str) -> str:
    if not known(value):
        return NONE
    return f"{value:.0f} {unit}" if value >= 100 else f"{value:.1f} {unit}"


def _wes(value: float) -> str:
    return f"{value:.3g}" if known(value) else NONE


def _age(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"
