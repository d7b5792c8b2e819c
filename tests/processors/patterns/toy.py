"""A pattern of one line for the tests of the frame: power over a limit, and the panes it is judged from."""

from dataclasses import dataclass, replace
from typing import Any

from processors.patterns.pattern import UNKNOWN, Judgement, Pattern, compared
from processors.patterns.stage import PatternStage
from processors.patterns.state import State
from processors.patterns.thresholds import Thresholds, threshold
from processors.stage import Arrived, Output, Outputs, Rejected, advance
from processors.windows.window import PANE_US, Window
from schemas.codec import Event
from schemas.events.node_hint import NodeHint
from schemas.events.node_pane import NodePane
from schemas.events.node_summary import NodeSummary
from schemas.events.observation import Observation
from schemas.events.operator_action import OperatorAction
from schemas.events.request_pane import RequestPane
from schemas.events.watermark import Watermark
from tests.samples import T0, at
from tests.schemas.golden.make import events
from tests.slots import statistic

SECOND = 1_000_000


@dataclass(frozen=True, slots=True)
class Toy(Thresholds):
    """Thresholds of the toy."""

    power_w: float = threshold(500.0, 0.0, 10_000.0, "W", doc="watts")
    critical_w: float = threshold(900.0, 0.0, 10_000.0, "W", doc="watts from which it is critical")


def judge(window: Window, limits: Toy) -> Judgement:
    power = window.mean("clock_skew_s") if not window.power_w.n else window.power_w.last
    if power != power:
        return UNKNOWN
    evidence = (compared("power", power, ">", limits.power_w, "W"),)
    if power <= limits.power_w:
        return Judgement(False, evidence)
    severity = "critical" if power >= limits.critical_w else "warning"
    return Judgement(True, evidence, severity, 0.9, (), f"{power:.0f} W")  # type: ignore[arg-type]


TOY = Pattern(
    id="toy",
    title="Toy",
    about="More watts than it may.",
    window_s=60,
    min_coverage=0.5,
    for_s=0,
    clear_s=20,
    hints={"warning": "reduce_batch", "critical": "steer_away"},
    action="none",
    recommendation="Use less.",
    thresholds=Toy,
    judge=judge,
)


def patient(**changed: Any) -> Pattern:
    return replace(TOY, **changed)


def pane(index: int, watts: float = 100.0, **changed: Any) -> NodePane:
    """The pane of the ``index``-th ten seconds after T0; its last sample arrives as it ends."""
    usual = events()["node_pane"]
    assert isinstance(usual, NodePane)
    started_at = T0 + index * PANE_US
    values: dict[str, Any] = {
        "id": f"pane-{index}",
        "node_id": "node-1",
        "started_at": started_at,
        "occurred_at": started_at + PANE_US,
        "last_arrived_at": started_at + PANE_US,
        "power_w": statistic(watts),
        "clock_skew_s": float("nan"),
        "samples": 10.0,
        "stopped": 0.0,
    }
    return usual._replace(**{**values, **changed})


def part(index: int, node_id: str = "node-1", **changed: Any) -> RequestPane:
    usual = events()["request_pane"]
    assert isinstance(usual, RequestPane)
    started_at = T0 + index * PANE_US
    return usual._replace(
        **{"node_id": node_id, "started_at": started_at, "occurred_at": started_at + PANE_US, **changed}
    )


def mark(seconds: float, partition: int = 0) -> Watermark:
    return Watermark(at(seconds), "node-stage", partition, at(seconds), 5.0)


def action(verb: str, observation: Observation, **changed: Any) -> OperatorAction:
    usual = OperatorAction(
        "a", 0, "observation", observation.observation_id, observation.fleet, observation.node_id,
        verb, "ann", "", 0,  # type: ignore[arg-type]
    )  # fmt: skip
    return usual._replace(**changed)


class Replay:
    """A pattern stage, its memory of one partition, and all it has said."""

    def __init__(self, *patterns: Pattern, **options: Any) -> None:
        self.stage = PatternStage(patterns or (TOY,), **{"turns": 1, **options})
        self.states: dict[str, State] = {}
        self.said: list[Output | Rejected] = []

    def feed(self, *given: Event | Arrived) -> Outputs:
        before = len(self.said)
        for event in given:
            record = event if isinstance(event, Arrived) else Arrived(event, 0)
            self.said.extend(advance(self.states, self.stage, record))
        return tuple(self.said[before:])

    def state(self, node_id: str = "node-1") -> State:
        return self.states[node_id]


def told(outputs: Outputs | list[Output | Rejected]) -> list[Observation]:
    return [out.event for out in outputs if isinstance(out, Output) and isinstance(out.event, Observation)]


def kinds(outputs: Outputs | list[Output | Rejected]) -> list[tuple[str, str]]:
    return [(type(one).__name__.removeprefix("Observation"), one.reason) for one in told(outputs)]


def hints(outputs: Outputs | list[Output | Rejected]) -> list[tuple[str, str]]:
    return [
        (out.event.routing_hint, out.event.source)
        for out in outputs
        if isinstance(out, Output) and isinstance(out.event, NodeHint)
    ]


def summaries(outputs: Outputs | list[Output | Rejected]) -> list[NodeSummary]:
    return [out.event for out in outputs if isinstance(out, Output) and isinstance(out.event, NodeSummary)]
