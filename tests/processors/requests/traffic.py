"""Builders of request facts, and the stage over a list of records."""

from collections.abc import Iterable
from typing import Any

from processors.requests.stage import RequestStage
from processors.requests.state import State
from processors.stage import Arrived, Output, Outputs, Rejected, advance
from schemas.codec import Event
from schemas.events.reading import NAN
from schemas.events.request_admitted import RequestAdmitted
from schemas.events.request_finished import RequestFinished
from schemas.events.request_first_token import RequestFirstToken
from schemas.events.request_pane import RequestPane
from schemas.events.request_received import RequestReceived
from schemas.events.request_routed import RequestRouted
from tests.samples import at, tick

FLEET = "sim"
MODEL = "llama-3.1-8b"
ROUTER = "router-1"
DELAY_US = 20_000


def received(request_id: str, seconds: float, *, model: str = MODEL, fleet: str = FLEET) -> RequestReceived:
    return RequestReceived(
        request_id, fleet, ROUTER, at(seconds), "openai", "/v1/chat/completions", model, (), "key", "", "",
        {}, True, 0, 100.0, 500.0, 900.0,
    )  # fmt: skip


def admitted(request_id: str, seconds: float) -> RequestAdmitted:
    return RequestAdmitted(request_id, FLEET, ROUTER, at(seconds), MODEL, "default", "", 0.1, 0.0)


def routed(
    request_id: str,
    seconds: float,
    node: str = "node-1",
    *,
    attempt: int = 1,
    before: str = "",
    model: str = MODEL,
) -> RequestRouted:
    return RequestRouted(
        request_id, FLEET, ROUTER, at(seconds), attempt, node, before, "vllm:8000", model, model, "score",
        "default", "1", 1.0, 1.0, "", "", (),
    )  # fmt: skip


def first_token(
    request_id: str, seconds: float, node: str = "node-1", *, ttft_s: float = 0.5, model: str = MODEL
) -> RequestFirstToken:
    return RequestFirstToken(
        request_id, FLEET, ROUTER, at(seconds), 1, node, "vllm:8000", model, "content", ttft_s + 0.1, ttft_s
    )


def finished(request_id: str, seconds: float, node: str = "node-1", **values: Any) -> RequestFinished:
    usual: dict[str, Any] = {
        "request_id": request_id,
        "fleet": FLEET,
        "router_id": ROUTER,
        "occurred_at": at(seconds),
        "received_at": at(seconds),
        "outcome": "completed",
        "node_id": node,
        "runtime_id": "vllm:8000",
        "model": MODEL,
        "served_model": MODEL,
        "finish_reason": "stop",
        "error": "",
        "key": "",
        "workload": "",
        "session": "",
        "tags": {},
        "fallback": False,
        "attempts": 1,
        "http_status": 200,
        "queue_wait_s": 0.1,
        "ttft_s": 0.6,
        "total_s": 4.0,
        "upstream_s": 3.9,
        "inter_token_s": 0.02,
        "prompt_tokens": 100.0,
        "completion_tokens": 50.0,
        "cached_tokens": NAN,
        "reasoning_tokens": NAN,
    }
    return RequestFinished(**{**usual, **values})


def whole(request_id: str, seconds: float, node: str = "node-1", *, for_s: float = 4.0) -> list[Event]:
    """A request of four seconds: queued 0.1 s, its first token 0.6 s after it came."""
    return [
        received(request_id, seconds),
        admitted(request_id, seconds + 0.1),
        routed(request_id, seconds + 0.1, node),
        first_token(request_id, seconds + 0.6, node),
        finished(request_id, seconds + for_s, node),
    ]


def arrived(event: Event, delay_us: int = DELAY_US, partition: int = 0) -> Arrived:
    occurred_at: int = event.occurred_at
    return Arrived(event, occurred_at + delay_us, partition)


class Replay:
    """The stage, its memory of one partition, and all it has said."""

    def __init__(self, partition: int = 0) -> None:
        self.stage = RequestStage()
        self.states: dict[str, State] = {}
        self.said: list[Output | Rejected] = []
        self.partition = partition

    def feed(self, *events: Event | Arrived) -> Outputs:
        """Advance by each; return what these said."""
        before = len(self.said)
        for event in events:
            record = event if isinstance(event, Arrived) else arrived(event, partition=self.partition)
            self.said.extend(advance(self.states, self.stage, record))
        return tuple(self.said[before:])

    def ticks(self, *seconds: float) -> Outputs:
        return self.feed(*(tick(second) for second in seconds))

    def panes(self, node: str = "node-1") -> list[RequestPane]:
        return panes(self.said, node)


def panes(said: Iterable[Output | Rejected], node: str = "node-1") -> list[RequestPane]:
    """Return the panes of one node, or of the fleet for an empty name."""
    return [
        out.event
        for out in said
        if isinstance(out, Output) and isinstance(out.event, RequestPane) and out.event.node_id == node
    ]
