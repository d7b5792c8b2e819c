"""The node as it registers itself: on start, and when what it has changed."""

from collections.abc import Mapping, Sequence

from producers.node.identity import Identity, Machine
from producers.node.progress import View
from schemas.codec.serde import encode_body
from schemas.events.node_registered import CollectorInventory, NodeRegistered

# The schema knows no timeout: to a reader it is an error.
_STATUSES = {"ok": "ok", "absent": "absent", "forbidden": "forbidden", "error": "error", "timeout": "error"}


def registered(
    identity: Identity,
    machine: Machine,
    views: Sequence[View],
    *,
    tags: Mapping[str, str],
    interval_s: float,
    occurred_at: int,
) -> NodeRegistered:
    """Return the registration of this moment."""
    facts = [view.reading.facts for view in views if view.reading is not None]
    return NodeRegistered(
        node_id=identity.node_id,
        fleet=identity.fleet,
        boot_id=identity.boot_id,
        occurred_at=occurred_at,
        started_at=identity.started_at,
        agent_version=machine.agent_version,
        hostname=machine.hostname,
        machine_id=identity.machine_id,
        os=machine.os,
        os_version=machine.os_version,
        arch=machine.arch,
        container=machine.container,
        cpu_model=machine.cpu_model,
        tags=tags,
        cpu_count=machine.cpu_count,
        cpu_physical_count=machine.cpu_physical_count,
        cpu_capacity_cores=machine.cpu_capacity_cores,
        memory_total_bytes=machine.memory_total_bytes,
        swap_total_bytes=machine.swap_total_bytes,
        interval_s=interval_s,
        gpus=tuple(gpu for each in facts for gpu in each.gpu_inventory),
        runtimes=tuple(runtime for each in facts for runtime in each.runtime_inventory),
        collectors=tuple(_inventory(view) for view in views if view.status in _STATUSES),
    )


class Changes:
    """Remembers what was registered last."""

    def __init__(self) -> None:
        self._last = b""

    def new(self, event: NodeRegistered) -> bool:
        """Return whether the event says anything new; its own time is not news."""
        # Bytes, because NaN is not equal to itself.
        content = encode_body(event._replace(occurred_at=0))
        changed, self._last = content != self._last, content
        return changed


def _inventory(view: View) -> CollectorInventory:
    return CollectorInventory(view.name, _STATUSES[view.status], view.reason, view.remedy)
