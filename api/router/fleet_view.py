"""The servers of models that nodes and settings tell of, put together. Pure.

A runtime that an agent found and an upstream of the settings are one when their addresses are: then the
settings say its name, key and models, and the node how it is.
"""

import ipaddress
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import get_args
from urllib.parse import urlsplit

from api.query.fleet import Node
from api.router.lifecycle.texts import runtime_id
from api.router.listed import Listed
from api.router.scoring.place import UNKNOWN_CONDITION, Condition
from api.router.seams import Upstream
from schemas.events.node_registered import RuntimeInventory
from schemas.events.node_state import ModelState, NodeState, RuntimeState
from schemas.events.reading import NAN
from schemas.settings import UpstreamKind

FORGOTTEN_S = 86_400.0
"""A node that was not heard of for a day, and did not say that it stopped, is gone."""
MOST_SLOTS = 1e6
"""More places than this are no reading."""
MOST_INTERVAL_S = 300.0
"""A longer one between states is no reading."""
_KINDS = frozenset(get_args(UpstreamKind))


@dataclass(frozen=True, slots=True)
class Server:
    """A server of models.

    Attributes:
        upstream: how it is asked.
        runtime_id: what agents call it: its kind and port.
        node: what is known of its node; None likewise.
        runtime: what the node registered of it.
        listed: what the settings say of it.
    """

    upstream: Upstream
    runtime_id: str
    node: Node | None = None
    runtime: RuntimeInventory | None = None
    listed: Listed | None = None

    @property
    def state(self) -> NodeState | None:
        """The last state of its node."""
        return self.node.state if self.node else None


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """A runtime that nothing may be sent to, and why."""

    node_id: str
    runtime: RuntimeInventory
    reason: str


@dataclass(frozen=True, slots=True)
class Servers:
    """All of them: those that may be used, by id, and those that may not."""

    usable: Mapping[str, Server] = field(default_factory=dict)
    withdrawn: tuple[Withdrawn, ...] = ()


def servers(nodes: Iterable[Node], listed: Mapping[str, Listed], *, hostname: str, now_us: int) -> Servers:
    """Put together what is known.

    Args:
        nodes: of the fleet, in any order.
        listed: the upstreams of the settings.
        hostname: of this machine: only here is a loopback address of its own what it says.
        now_us: microseconds since the epoch.
    """
    usable = {
        id_: Server(one.upstream, runtime_id(one.upstream.kind, one.upstream.base_url), listed=one)
        for id_, one in listed.items()
    }
    by_address = {_address(one.upstream.base_url): id_ for id_, one in listed.items()}
    withdrawn: list[Withdrawn] = []
    for node in sorted(nodes, key=_newest_first):
        registered = node.registered
        if registered is None or _is_gone(node, now_us):
            continue
        for runtime in registered.runtimes:
            if reason := _why_not(node, runtime, hostname):
                withdrawn.append(Withdrawn(node.node_id, runtime, reason))
                continue
            address = _address(runtime.url)
            if (known := by_address.get(address)) is None:
                server = _found(node, runtime)
                usable[server.upstream.id] = server
                by_address[address] = server.upstream.id
            elif usable[known].node is None:
                usable[known] = _joined(usable[known], node, runtime)
            else:
                withdrawn.append(Withdrawn(node.node_id, runtime, f"its address is that of {known}"))
    return Servers(usable, tuple(withdrawn))


def condition(server: Server, seen_s: float) -> Condition:
    """Return how a server's node is; ``seen_s`` is when its state came, monotonic seconds."""
    if server.node is None:
        return UNKNOWN_CONDITION
    state = server.state
    if state is None:
        return Condition(expected=True)
    runtime = runtime_state(server)
    free, total = memory_bytes(state)
    return Condition(
        seen_s,
        True,
        state.thermal_state,
        state.routing_hint,
        state.routing_hint_source,
        free,
        total,
        runtime is not None and runtime.status != "up",
        runtime.kv_cache_ratio if runtime is not None else NAN,
        _interval_s(server.node),
    )


def memory_bytes(state: NodeState) -> tuple[float, float]:
    """Return free and total memory for models: the accelerators', else the host's. NaN is unknown."""
    known = [gpu for gpu in state.gpus if not math.isnan(gpu.memory_total_bytes + gpu.memory_used_bytes)]
    if not known:
        return state.memory_available_bytes, state.memory_total_bytes
    total = sum(gpu.memory_total_bytes for gpu in known)
    return total - sum(gpu.memory_used_bytes for gpu in known), total


def runtime_state(server: Server) -> RuntimeState | None:
    """Return how the node says that the runtime is."""
    state = server.state
    found = state.runtimes if state else ()
    return next((one for one in found if one.runtime_id == server.runtime_id), None)


def loaded_models(server: Server) -> Mapping[str, ModelState] | None:
    """Return the models in memory by the runtime's names for them; None where the node does not tell."""
    runtime, state = runtime_state(server), server.state
    if state is None or runtime is None or runtime.status != "up":
        return None
    return {model.name: model for model in state.models if model.runtime_id == server.runtime_id}


def slots(server: Server, asked: int | None) -> int | None:
    """Return how many requests it serves at once; None: nobody says.

    The settings say best, then the node as it is now, as it registered, then what it answered us (``asked``).
    """
    configured = server.listed.upstream.slots if server.listed else None
    if configured is not None:
        return configured
    runtime = runtime_state(server)
    for told in (runtime.slots if runtime else NAN, server.runtime.slots if server.runtime else NAN):
        if 1 <= told <= MOST_SLOTS:  # NaN is not
            return int(told)
    return asked


def _found(node: Node, runtime: RuntimeInventory) -> Server:
    kind = runtime.kind if runtime.kind in _KINDS else "openai"
    id_ = f"{node.node_id}/{runtime.runtime_id}"
    url = runtime.url.rstrip("/").removesuffix("/v1")
    upstream = Upstream(id_, node.node_id, url, kind, runtime_id=runtime.runtime_id)
    return Server(upstream, runtime.runtime_id, node, runtime)


def _joined(server: Server, node: Node, runtime: RuntimeInventory) -> Server:
    upstream = replace(server.upstream, node_id=node.node_id, runtime_id=runtime.runtime_id)
    return replace(server, upstream=upstream, runtime_id=runtime.runtime_id, node=node, runtime=runtime)


def _why_not(node: Node, runtime: RuntimeInventory, hostname: str) -> str:
    if node.has_stopped:
        return "its agent stopped"
    host = _host(runtime.url)
    if not host:
        return "its agent tells no address of it"
    if _is_loopback(host) and node.registered is not None and node.registered.hostname != hostname:
        return "its address is one that only its own machine can use"
    return ""


def _interval_s(node: Node) -> float:
    told = node.registered.interval_s if node.registered else NAN
    return told if 0 < told <= MOST_INTERVAL_S else 0.0


def _host(url: str) -> str | None:
    """Return the host of an address that can be asked by HTTP; None: it is none."""
    try:
        parts = urlsplit(url)
        return parts.hostname if parts.scheme in ("http", "https") and parts.port != 0 else None
    except ValueError:
        return None


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _address(url: str) -> tuple[str, int, str]:
    """Return what makes two addresses one; names of this machine are its loopback address."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return "127.0.0.1" if _is_loopback(host) else host, port, parts.path.rstrip("/").removesuffix("/v1")


def _newest_first(node: Node) -> tuple[int, str]:
    return -(node.registered.occurred_at if node.registered else 0), node.node_id


def _is_gone(node: Node, now_us: int) -> bool:
    registered_us = node.registered.occurred_at if node.registered else 0
    return node.silent_s(now_us) > FORGOTTEN_S and (now_us - registered_us) / 1e6 > FORGOTTEN_S
