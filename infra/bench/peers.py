"""The router beside two others in one run: the same clients, requests and stand-in upstream."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

from infra.bench.hop import ends, load, rounds
from infra.bench.hop.rounds import Rounds
from infra.bench.peer.herd import NODES, herd
from infra.bench.peer.herd import PACKAGE as HERD
from infra.bench.peer.overlaat import PACKAGE as OVERLAAT
from infra.bench.peer.overlaat import overlaat
from infra.bench.stack import servers
from infra.bench.table import Table
from schemas.kafka import ensure_topics

CLIENTS = (1, 32)
_OPENAI, _OLLAMA = "fast", "fast-ollama"
"""Names that the router knows the stand-in's model by, in each of its dialects."""


class Load(NamedTuple):
    """What is asked of the router and of one peer."""

    what: str
    peer: str
    path: str
    model: str
    stream: bool


LOADS = (
    Load("one piece", "overlaat", "/v1/chat/completions", _OPENAI, stream=False),
    Load("stream", "overlaat", "/v1/chat/completions", _OPENAI, stream=True),
    Load("one piece of Ollama", "herd", "/api/chat", _OLLAMA, stream=False),
    Load("stream of Ollama", "herd", "/api/chat", _OLLAMA, stream=True),
)
NAMES = {"overlaat": OVERLAAT.requirement, "herd": HERD.requirement}


def run() -> Table:
    """Measure each load with one client and with many."""
    load.raise_open_files()
    with _ends() as ports:
        rows = [row(one, clients, _measured(one, clients, ports)) for one in LOADS for clients in CLIENTS]
    return table(rows)


def row(one: Load, clients: int, found: Rounds) -> Sequence[object]:
    """Return a row of the table."""
    errors = found.errors()
    added, theirs = found.added_ms("router", "upstream"), found.added_ms("peer", "upstream")
    return (
        one.what + (f" (errors: {errors})" if errors else ""),
        clients,
        NAMES[one.peer],
        *(round(found.per_s(name)) for name in ("upstream", "peer", "router")),
        f"{found.ratio('router', 'peer'):.1f}",
        f"{theirs:.2f}",
        f"{added:.2f}",
        f"{added / theirs:.2f}" if theirs > 0 else "-",
        f"{found.quantile_ms('peer', 0.99):.1f}",
        f"{found.quantile_ms('router', 0.99):.1f}",
    )


def table(rows: Sequence[Sequence[object]]) -> Table:
    """Return the table."""
    return Table(
        "Beside other routers",
        (
            "what", "clients", "peer", "upstream alone, requests/s", "peer, requests/s",
            "router, requests/s", "router / peer", "added p50 of the peer, ms", "added p50, ms",
            "added p50 / peer's", "p99 of the peer, ms", "p99, ms",
        ),
        rows,
        "Each has its queue and its record of requests on: Penstock's goes to Kafka, Overlaat's and Ollama "
        f"Herd's to SQLite. Overlaat has 64 places, Ollama Herd {NODES} nodes of 8, all of them the "
        f"stand-in. {rounds.HOW} A stream has 16 tokens. Added is beside the upstream alone.",
    )  # fmt: skip


def _measured(one: Load, clients: int, ports: Mapping[str, int]) -> Rounds:
    """Ask the stand-in itself, the peer and the router; the stand-in has one name for its model."""
    known = load.request(one.path, "fast", stream=one.stream)
    asked = {
        "upstream": (ports["upstream"], known),
        "peer": (ports[one.peer], known),
        "router": (ports["router"], load.request(one.path, one.model, stream=one.stream)),
    }
    return rounds.measure(asked, clients=clients)


@contextmanager
def _ends() -> Iterator[Mapping[str, int]]:
    """Run Kafka, upstream, router and peers; yield the ports of all but Kafka."""
    with ExitStack() as running:
        settings = running.enter_context(servers())
        asyncio.run(ensure_topics(settings.kafka))
        upstream = running.enter_context(ends.upstream())
        url = f"http://127.0.0.1:{upstream}"
        served = [
            {"name": "one", "url": url, "kind": "vllm", "models": [f"{_OPENAI}=fast"]},
            {"name": "two", "url": url, "kind": "ollama", "models": [f"{_OLLAMA}=fast"]},
        ]
        router, _ = running.enter_context(ends.router(served, settings))
        yield {
            "upstream": upstream,
            "router": router,
            "overlaat": running.enter_context(overlaat(upstream, "fast")),
            "herd": running.enter_context(herd(upstream, "fast")),
        }
