"""Builders of node states and registrations."""

from typing import Any

from schemas.events.node_registered import NodeRegistered
from schemas.events.node_state import GpuState, ModelState, NodeState, RuntimeState

T0 = 1_763_700_000_000_000


def state(node_id: str = "n1", **fields: Any) -> NodeState:
    """Return a busy node of one accelerator."""
    usual: dict[str, Any] = {
        "id": "00000000-0000-5000-8000-000000000000",
        "fleet": "f1",
        "boot_id": "b",
        "occurred_at": T0,
        "seq": 1,
        "arrived_at": T0,
        "inference_state": "live",
        "inference_reason": "requests run",
        "inference_since": T0,
        "thermal_state": "normal",
        "thermal_reason": "cool",
        "thermal_since": T0,
        "cpu_thermal_state": "unknown",
        "tokens_per_second": 120.5,
        "power_w": 350.0,
        "wes": 0.34,
        "gpus": (GpuState("GPU-1", "ok", "normal", utilization_ratio=0.5, power_w=300.0),),
        "runtimes": (RuntimeState("vllm:8000", "vllm", "up", requests_running=2.0),),
        "models": (ModelState("llama", "vllm:8000", tokens_per_second=120.5, wes=0.34),),
    }
    return NodeState(node_id=node_id, **{**usual, **fields})


def registered(node_id: str = "n1", **fields: Any) -> NodeRegistered:
    """Return the registration of a node."""
    usual: dict[str, Any] = dict.fromkeys(
        ("boot_id", "agent_version", "hostname", "machine_id", "os", "os_version", "arch", "container"), "x"
    )
    usual |= {"fleet": "f1", "occurred_at": T0, "started_at": T0, "cpu_model": "c", "tags": {"rack": "r1"}}
    return NodeRegistered(node_id=node_id, **{**usual, **fields})
