"""What kinds of runtimes do and tell: one line of a table each.

What is told is what the collectors of ``producers/node/runtimes`` find in the pages of each kind. Shares of
bandwidth and arithmetic, and the times of a step, are of public benchmarks of each.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of runtime.

    ``paged``: one pool of cache for all; ``tensor``: accelerators share every layer, else each has its own;
    ``on_demand``: models are loaded when asked for. ``start_s`` passes before it answers,
    besides loading, and ``layer_s`` for each layer in each step, whatever it reads.
    ``tells_...``: which readings an agent gets of it. ``version`` is what it says of itself.
    """

    version: str
    paged: bool = False
    tensor: bool = False
    on_demand: bool = False
    piece: int = 512
    bandwidth_share: float = 0.62
    flops_share: float = 0.30
    layer_s: float = 2.5e-5
    request_s: float = 0.00005
    start_s: float = 2.0
    process_bytes: float = 0.8e9
    tells_requests: bool = False
    tells_slots: bool = False
    tells_cache: bool = False
    tells_tokens: bool = False
    tells_cached: bool = False
    tells_latency: bool = False
    tells_preemptions: bool = False
    tells_size: bool = False
    tells_context: bool = True
    tells_expiry: bool = False


KINDS: Mapping[str, Kind] = {
    "vllm": Kind(
        version="0.11.0", paged=True, tensor=True, piece=2048, bandwidth_share=0.72, flops_share=0.45,
        layer_s=1.3e-5, request_s=0.00002, start_s=35.0, process_bytes=6e9, tells_requests=True,
        tells_cache=True, tells_tokens=True, tells_cached=True, tells_latency=True, tells_preemptions=True,
    ),
    "sglang": Kind(
        version="0.5.3", paged=True, tensor=True, piece=4096, bandwidth_share=0.74, flops_share=0.46,
        layer_s=1.1e-5, request_s=0.00002, start_s=30.0, process_bytes=6e9, tells_requests=True,
        tells_slots=True, tells_cache=True, tells_tokens=True, tells_cached=True, tells_latency=True,
    ),
    "llamacpp": Kind(
        version="b6710", tells_requests=True, tells_slots=True, tells_tokens=True, tells_cached=True,
        tells_size=True,
    ),
    "llamabox": Kind(version="", tells_cache=True, tells_tokens=True, tells_size=True, tells_context=False),
    "ollama": Kind(version="0.12.6", on_demand=True, tells_size=True, tells_expiry=True, start_s=1.0),
    "lmstudio": Kind(version="", tells_size=True),
    "openai": Kind(version="", tells_context=False),
}  # fmt: skip
