"""What panes tell of a node's registration."""

from processors.node.state import GpuProfile, ModelProfile, Profile, Tag
from schemas.events.node_registered import NodeRegistered


def profile_of(registered: NodeRegistered) -> Profile:
    """Return what is kept of a registration; the order of its parts makes no difference."""
    return Profile(
        registered.agent_version,
        registered.cpu_model,
        ", ".join(sorted({gpu.driver_version for gpu in registered.gpus} - {""})),
        tuple(Tag(name, value) for name, value in sorted(registered.tags.items())),
        tuple(
            sorted(
                GpuProfile(gpu.gpu_id, gpu.name, gpu.vendor, gpu.mig_parent, gpu.power_limit_default_w)
                for gpu in registered.gpus
            )
        ),
        tuple(
            sorted(
                ModelProfile(runtime.runtime_id, model.name, model.quantization, model.parameters)
                for runtime in registered.runtimes
                for model in runtime.models
            )
        ),
    )
