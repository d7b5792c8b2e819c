"""Builders of summaries, and a fleet stage with its memory: a test names only what it is about."""

from typing import Any

from processors.fleet.stage import FleetStage
from processors.fleet.state import State
from processors.stage import Arrived, Output, Outputs, Rejected, advance
from schemas.codec import Event
from schemas.events.alert import Alert
from schemas.events.node_summary import NodeSummary, OpenObservation
from schemas.events.operator_action import OperatorAction
from schemas.events.watermark import Watermark
from schemas.events.wes_baseline import WesBaseline
from tests.samples import at

NAN = float("nan")


def summary(seconds: float, node_id: str = "node-1", **readings: Any) -> NodeSummary:
    """A healthy node that serves; its summary stands before the watermark of that moment."""
    usual: dict[str, Any] = {
        "id": f"{node_id} {seconds}",
        "node_id": node_id,
        "fleet": "lab",
        "boot_id": "boot-a",
        "occurred_at": at(seconds),
        "passed_at": at(seconds),
        "agent_version": "0.2.0",
        "hardware": "8 x NVIDIA H100",
        "model": "llama",
        "load": "4",
        "rack": "",
        "driver": "",
        "stopped": False,
        "silent_s": 0.0,
        "samples": 10.0,
        "live": 10.0,
        "busy": 0.0,
        "thermal_serious": 0.0,
        "thermal_critical": 0.0,
        "tokens_per_second": 1000.0,
        "power_w": 4000.0,
        "wes": 0.25,
        "wes_raw": 0.25,
        "requests_running": 4.0,
        "requests_waiting": 0.0,
        "utilization_ratio": 0.8,
        "temperature_c": 65.0,
        "memory_used_ratio": 0.4,
        "vram_used_ratio": 0.9,
        "swap_out_bytes_per_s": 0.0,
        "memory_stall": 0.0,
        "stalled": 0.0,
        "generation_tokens": 10_000.0,
        "clock_skew_s": 0.0,
        "stalled_runtimes": (),
        "open": (),
    }
    return NodeSummary(**{**usual, **readings})


def silent(seconds: float, since: float, node_id: str = "node-1", **readings: Any) -> NodeSummary:
    """A node of which nothing has come since then."""
    gone: dict[str, Any] = dict.fromkeys(
        ("samples", "live", "busy", "thermal_serious", "thermal_critical", "stalled"), 0.0
    ) | dict.fromkeys(("requests_running", "requests_waiting", "wes", "memory_used_ratio"), NAN)
    changed = {"silent_s": seconds - since, "model": "", "load": "", **gone, **readings}
    return summary(seconds, node_id, **changed)


def mark(seconds: float, partition: int = 0) -> Watermark:
    return Watermark(at(seconds), "pattern-stage", partition, at(seconds), 5.0)


def observed(pattern: str, seconds: float, **changed: Any) -> OpenObservation:
    usual = OpenObservation(f"{pattern} {seconds}", pattern, "warning", at(seconds))
    return usual._replace(**changed)


def baseline(hours: float, **changed: Any) -> WesBaseline:
    usual = WesBaseline(
        f"b{hours}", "lab", "node-1", "llama", "4", at(3600 * hours), 1000.0, 0.25, 6000.0, 0.25
    )
    return usual._replace(**changed)


def action(verb: str, alert: Alert, **changed: Any) -> OperatorAction:
    usual = OperatorAction("a", 0, "alert", alert.alert_id, alert.fleet, "", verb, "ann", "", 0)  # type: ignore[arg-type]
    return usual._replace(**changed)


class Replay:
    """A fleet stage, its memory, and all it has said."""

    def __init__(self, **options: Any) -> None:
        self.stage = FleetStage(**options)
        self.states: dict[str, State] = {}
        self.said: list[Output | Rejected] = []

    def feed(self, *events: Event) -> Outputs:
        before = len(self.said)
        for event in events:
            self.said.extend(advance(self.states, self.stage, Arrived(event, 0)))
        return tuple(self.said[before:])


def told(outputs: Outputs | list[Output | Rejected]) -> list[Alert]:
    return [out.event for out in outputs if isinstance(out, Output) and isinstance(out.event, Alert)]


def kinds(outputs: Outputs | list[Output | Rejected]) -> list[tuple[str, str, str]]:
    return [
        (one.alert, type(one).__name__.removeprefix("Alert").lower(), one.reason) for one in told(outputs)
    ]
