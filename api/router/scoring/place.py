"""What is known of one model at one upstream, as the signals see it."""

from typing import NamedTuple

from api.router.abilities import ABLE
from schemas.events.node_state import ThermalState
from schemas.events.observation import RoutingHint
from schemas.events.reading import NAN


class Speed(NamedTuple):
    """How long a place takes; NaN where nothing is known. ``seen_s``: when the last of it was learned.

    Attributes:
        first_token_s: seconds to the first token of an empty prompt.
        prefill_s: more of them for each token of the prompt.
        decode_s: for each token of the answer.
        service_s: of one request, from sending it to its end.
        load_s: of bringing the model into memory.
        seen_s: monotonic seconds.
    """

    first_token_s: float = NAN
    prefill_s: float = NAN
    decode_s: float = NAN
    service_s: float = NAN
    load_s: float = NAN
    seen_s: float = NAN


UNKNOWN_SPEED = Speed()


class Condition(NamedTuple):
    """How a node is, by its last state; ``seen_s`` is when the broker took that, in monotonic seconds.

    Attributes:
        seen_s: NaN where no state ever came.
        expected: whether states should come: an agent told of the upstream.
        thermal: of the accelerators.
        hint: what the open observations say a router should do.
        hint_source: the pattern that says so.
        memory_free_bytes: of the accelerators, else of the host.
        memory_total_bytes: likewise.
        down: the runtime did not answer the agent.
        kv_cache_ratio: 0..1 of the runtime's key-value cache is used.
        interval_s: between two states of the node; 0: unknown.
    """

    seen_s: float = NAN
    expected: bool = False
    thermal: ThermalState = "unknown"
    hint: RoutingHint = "clear"
    hint_source: str = ""
    memory_free_bytes: float = NAN
    memory_total_bytes: float = NAN
    down: bool = False
    kv_cache_ratio: float = NAN
    interval_s: float = 0.0


UNKNOWN_CONDITION = Condition()


class Place(NamedTuple):
    """One model at one upstream.

    Attributes:
        upstream: id of the upstream; a place has one in its model.
        node_id: the node it runs on, or the name of a listed upstream.
        runtime_id: kind and port.
        model: as the upstream names it.
        condition: of its node.
        speed: as this router and the node measured it.
        loaded: it is in memory.
        loading_s: for how long it has been loading for a request of this router; NaN: it is not.
        silent: it did not answer this router's last question what it has.
        context: tokens that it is loaded with; None: not loaded or unknown.
        most_context: the most it can be loaded with; None: unknown.
        size_bytes: of the model; NaN: unknown.
        lacks: what its runtime says that it cannot do; see ``api.router.abilities``.
        thinks: whether it thinks before it answers, as its runtime says; None: it does not.
        wes: tokens a joule when it last served; NaN: never heard.
        wes_seen_s: when that was, monotonic seconds.
    """

    upstream: str
    node_id: str = ""
    runtime_id: str = ""
    model: str = ""
    condition: Condition = UNKNOWN_CONDITION
    speed: Speed = UNKNOWN_SPEED
    loaded: bool = True
    loading_s: float = NAN
    silent: bool = False
    context: int | None = None
    most_context: int | None = None
    size_bytes: float = NAN
    lacks: frozenset[str] = ABLE
    thinks: bool | None = None
    wes: float = NAN
    wes_seen_s: float = NAN
