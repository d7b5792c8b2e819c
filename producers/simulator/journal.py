"""The facts of requests, as the router in front of the fleet would write them."""

from collections.abc import Callable
from typing import NamedTuple

from producers.simulator.draws import hex_digits
from producers.simulator.physics.batching import End
from producers.simulator.physics.queueing import Request
from producers.simulator.retries import Tried
from producers.simulator.scenario.arrivals import Arrivals
from schemas.codec import Event
from schemas.events.reading import NAN
from schemas.events.request_admitted import RequestAdmitted
from schemas.events.request_finished import Outcome, RequestFinished
from schemas.events.request_first_token import RequestFirstToken
from schemas.events.request_received import RequestReceived
from schemas.events.request_routed import Candidate, RequestRouted

ROUTER = "router-1"
_PATH = "/v1/chat/completions"
# Seconds between caller and router, router and runtime; bytes of a token's text.
_HOP_S = 0.0015
_BYTES_PER_TOKEN = 4.2
_HEAD_BYTES = 260.0
_POLICY, _POLICY_VERSION = "weights", "simulated"
_STATUS: dict[str, int] = {"completed": 200, "client_abandoned": 499, "abandoned_queued": 499,
                           "timed_out_queued": 503, "upstream_error": 502, "upstream_died": 200}  # fmt: skip
_QUEUED = ("abandoned_queued", "timed_out_queued")
_ERROR: dict[str, str] = {
    "timed_out_queued": "the request waited for as long as it may",
    "upstream_error": "the runtime answered with status 500 or refused the connection",
    "upstream_died": "the connection to the runtime broke before the answer was complete",
}


class Ticket(NamedTuple):
    """What the router remembers of a request; times are seconds of the scenario.

    ``sent_s``: when it went to this node; ``tried``: the attempts before.
    """

    request_id: str
    stream: Arrivals
    at_s: float
    sent_s: float
    runtime_id: str
    tried: tuple[Tried, ...] = ()

    @property
    def admitted_s(self) -> float:
        """When the queue let it go."""
        return self.tried[0].at_s if self.tried else self.sent_s

    @property
    def attempt(self) -> int:
        """Which one that at this node is."""
        return len(self.tried) + 1


class Journal:
    """Writes the facts of one node's requests; ``emit`` takes an event and when it happened."""

    def __init__(
        self, fleet: str, node_id: str, starts_at: int, emit: Callable[[str, Event, float], None]
    ) -> None:
        self._fleet = fleet
        self._node_id = node_id
        self._starts_at = starts_at
        self._emit = emit

    def received(self, ticket: Ticket, prompt: int) -> None:
        """A caller asked."""
        stream = ticket.stream
        event = RequestReceived(
            ticket.request_id, self._fleet, ROUTER, self._at(ticket.at_s), "openai", _PATH, stream.model, (),
            stream.key, stream.name, "", {}, True, 0, float(prompt), NAN,
            _HEAD_BYTES + int(_BYTES_PER_TOKEN * prompt),
        )  # fmt: skip
        self._emit(ticket.request_id, event, ticket.at_s)

    def sent(self, ticket: Ticket, candidates: tuple[Candidate, ...]) -> None:
        """The router let it go, unless it had before, and sent it to this node."""
        if not ticket.tried:
            self.admitted(ticket)
        before = ticket.tried[-1].node if ticket.tried else ""
        own = Tried(self._node_id, ticket.runtime_id, ticket.sent_s)
        self.routed(ticket, ticket.attempt, own, before, candidates)

    def admitted(self, ticket: Ticket) -> None:
        """The router let it go."""
        model, wait_s = ticket.stream.model, ticket.admitted_s - ticket.at_s
        event = RequestAdmitted(
            ticket.request_id, self._fleet, ROUTER, self._at(ticket.admitted_s), model, model,
            "no_node" if wait_s > 0.0 else "", wait_s, 0.0,
        )  # fmt: skip
        self._emit(ticket.request_id, event, ticket.admitted_s)

    def routed(
        self, ticket: Ticket, attempt: int, to: Tried, before: str, candidates: tuple[Candidate, ...]
    ) -> None:
        """The router sent it to a node, which need not be this one; ``before``: where it was sent before."""
        model = ticket.stream.model
        eligible = [one for one in candidates if not one.excluded]
        whole = sum(one.score for one in eligible)
        own = next((one.score for one in eligible if one.node_id == to.node), whole)
        event = RequestRouted(
            ticket.request_id, self._fleet, ROUTER, self._at(to.at_s), attempt, to.node, before,
            to.runtime_id, model, model, "weight", _POLICY, _POLICY_VERSION,
            own / whole if whole > 0.0 else 1.0, own, "", "", candidates, len(candidates),
        )  # fmt: skip
        self._emit(ticket.request_id, event, to.at_s)

    def first_token(self, ticket: Ticket, at_s: float) -> None:
        """The answer began."""
        at_s += _HOP_S
        event = RequestFirstToken(
            ticket.request_id, self._fleet, ROUTER, self._at(at_s), ticket.attempt, self._node_id,
            ticket.runtime_id, ticket.stream.model, "content", at_s - ticket.at_s, at_s - ticket.sent_s,
        )  # fmt: skip
        self._emit(ticket.request_id, event, at_s)

    def finished(self, ticket: Ticket, request: Request, outcome: Outcome, at_s: float) -> None:
        """The request is over."""
        at_s += _HOP_S
        reached = outcome not in _QUEUED
        completed = outcome == "completed"
        ttft_s = request.first_s + _HOP_S - ticket.at_s
        written = request.written if request.first_s == request.first_s else 0.0
        writing_s = at_s - request.first_s
        event = RequestFinished(
            ticket.request_id, self._fleet, ROUTER, self._at(at_s), self._at(ticket.at_s), outcome,
            self._node_id if reached else "", ticket.runtime_id if reached else "", ticket.stream.model,
            ticket.stream.model if reached else "", "stop" if completed else "", _ERROR.get(outcome, ""),
            ticket.stream.key, ticket.stream.name, "", {}, False, ticket.attempt if reached else 0,
            _STATUS[outcome], min(ticket.admitted_s, at_s) - ticket.at_s, ttft_s, at_s - ticket.at_s,
            at_s - ticket.admitted_s if reached else 0.0,
            writing_s / (written - 1.0) if written > 1.0 else NAN,
            float(request.wanted) if completed else NAN, float(request.output) if completed else NAN,
            float(request.known) if completed else NAN, NAN,
        )  # fmt: skip
        self._emit(ticket.request_id, event, at_s)

    def _at(self, at_s: float) -> int:
        return self._starts_at + round(at_s * 1e6)


def outcome_of(how: End, request: Request) -> Outcome:
    """Return what a router makes of the end of a request in the runtime."""
    if how == "completed":
        return "completed"
    if how == "abandoned":
        return "client_abandoned"
    begun = request.first_s == request.first_s
    return "upstream_died" if how == "died" and begun else "upstream_error"


def request_id(seed: int, *what: str) -> str:
    """Return an id, the same in every run with the same seed."""
    digits = hex_digits(seed, "request", *what)
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:32]}"
