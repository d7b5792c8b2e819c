"""Rules, states and findings for the rule stages, and a stage that is fed them."""

from typing import Any

from processors.rules.stage import RuleStage
from processors.stage import Arrived, Output, Rejected, advance
from schemas.codec import Event
from schemas.events.condition_changed import ConditionChanged
from schemas.events.node_state import GpuState, ModelState, NodeState
from schemas.events.node_tagged import NodeTagged
from schemas.events.rule_changed import RuleChanged
from schemas.events.watermark import Watermark
from schemas.rule_document import parse_rule
from schemas.topics import NODE_STATES, Topic
from tests.samples import at

NAN = float("nan")


def rule(rule_id: str, revision: int = 1, source: str = "node-states", **document: Any) -> RuleChanged:
    text = parse_rule({"id": rule_id, "source": source, **document}).canonical()
    return RuleChanged(f"{rule_id}/{revision}", at(0), rule_id, revision, False, "ada", text)


def deleted(rule_id: str, revision: int) -> RuleChanged:
    return RuleChanged(f"{rule_id}/{revision}", at(0), rule_id, revision, True, "ada", "")


def when(field: str, op: str, value: Any = None, **more: Any) -> dict[str, Any]:
    return {"field": field, "op": op, **({} if value is None else {"value": value}), **more}


def state(seconds: float, node_id: str = "n1", **readings: Any) -> NodeState:
    """Return the state of a node; ``temperatures`` are of its accelerators, ``models`` names."""
    gpus = tuple(
        GpuState(f"gpu-{number}", "ok", "normal", temperature_c=value)
        for number, value in enumerate(readings.pop("temperatures", ()))
    )
    models = tuple(ModelState(name, "vllm:8000") for name in readings.pop("models", ()))
    usual: dict[str, Any] = {
        "id": f"{node_id}@{seconds:g}",
        "node_id": node_id,
        "fleet": "default",
        "boot_id": "boot-a",
        "occurred_at": at(seconds),
        "seq": int(seconds),
        "arrived_at": at(seconds) + 5_000,
        "inference_state": "live",
        "inference_reason": "tokens",
        "inference_since": at(0),
        "thermal_state": "normal",
        "thermal_reason": "",
        "thermal_since": at(0),
        "cpu_thermal_state": "normal",
        "gpus": gpus,
        "models": models,
    }
    return NodeState(**{**usual, **readings})


def mark(seconds: float, partition: int = 0, stage: str = "node-stage") -> Watermark:
    return Watermark(at(seconds), stage, partition, at(seconds), 5.0)


def tagged(node_id: str, **tags: str) -> NodeTagged:
    return NodeTagged(f"{node_id}/tags", node_id, "default", at(0), tags)


class Feed:
    """A rule stage and all it has said."""

    def __init__(self, source: Topic = NODE_STATES, *events: Event) -> None:
        self.stage = RuleStage(source)
        self.states: dict[str, Any] = {}
        self.said: list[Output | Rejected] = []
        self.feed(*events)

    def feed(self, *events: Event) -> list[ConditionChanged]:
        """Advance by each event; return the conditions that follow."""
        before = len(self.said)
        for event in events:
            log_time = event.passed_at if isinstance(event, Watermark) else event.occurred_at
            self.said += advance(self.states, self.stage, Arrived(event, log_time))
        return conditions(self.said[before:])

    def restart(self) -> None:
        """Go on from the bytes of the state, as after a crash."""
        for key, value in self.states.items():
            self.states[key] = self.stage.decode(self.stage.encode(value))


def conditions(said: list[Output | Rejected]) -> list[ConditionChanged]:
    return [one.event for one in said if isinstance(one, Output) and isinstance(one.event, ConditionChanged)]


def told(found: list[ConditionChanged]) -> list[tuple[str, str, str]]:
    """Return of each condition its rule, its state and the reason."""
    return [(one.rule_id, one.state, one.reason) for one in found]
