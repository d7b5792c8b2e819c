"""One request that is open: what its end has to tell."""

from api.router.lifecycle.texts import seconds
from schemas.events.reading import NAN
from schemas.events.request_admitted import RequestAdmitted
from schemas.events.request_finished import Outcome, RequestFinished
from schemas.events.request_first_token import RequestFirstToken
from schemas.events.request_received import RequestReceived
from schemas.events.request_routed import RequestRouted

QUEUED: frozenset[str] = frozenset(
    {"abandoned_queued", "cancelled_queued", "timed_out_queued", "router_stopped"}
)
"""Ends that may come in the queue: then all the time was spent there."""


class Life:
    """What is known of an open request; it is folded from the request's own facts.

    Moments are seconds: of the monotonic clock while the router lives, since the epoch in a journal.

    Attributes:
        segment: of the journal, that must be kept as long as this is open.
        told: the request's own words: model, key, labels.
        received_at: µs since the epoch.
        received_s: the same moment.
        queue_wait_s: seconds in the queue; NaN while it waits.
        attempts: that went out.
        node_id: where the last of them went.
        routed_s: when it did; None while none is at a node.
        first_s: when the first token came; None where none did.
        upstream_s: seconds at nodes, of the attempts before.
    """

    __slots__ = (
        "attempts", "fallback", "first_s", "node_id", "queue_wait_s", "received_at", "received_s", "routed_s",
        "runtime_id", "segment", "served_model", "told", "ttft_s", "upstream_s",
    )  # fmt: skip

    def __init__(self, told: RequestReceived | RequestFinished, received_at: int, received_s: float) -> None:
        self.segment = 0
        self.told = told
        self.received_at = received_at
        self.received_s = received_s
        self.queue_wait_s = NAN
        self.attempts = 0
        self.node_id = self.runtime_id = self.served_model = ""
        self.fallback = False
        self.routed_s: float | None = None
        self.first_s: float | None = None
        self.ttft_s = NAN
        self.upstream_s = 0.0

    def take(self, event: RequestAdmitted | RequestRouted | RequestFirstToken, at_s: float) -> None:
        """Take in one of its facts."""
        if isinstance(event, RequestRouted):
            self.attempt_over(at_s)
            self.attempts = max(self.attempts, event.attempt)
            self.node_id, self.runtime_id = event.node_id, event.runtime_id
            self.served_model, self.routed_s = event.served_model, at_s
        elif isinstance(event, RequestAdmitted):
            self.queue_wait_s = event.queue_wait_s
        elif self.first_s is None:
            self.first_s, self.ttft_s = at_s, event.ttft_s

    def attempt_over(self, at_s: float) -> None:
        """Hear that the attempt came to nothing."""
        if self.routed_s is not None:
            self.upstream_s += seconds(at_s - self.routed_s)
            self.routed_s = None

    def waited_s(self, outcome: str, at_s: float) -> float:
        """Return the seconds in the queue of a request that ends now."""
        if self.queue_wait_s == self.queue_wait_s:
            return self.queue_wait_s
        return seconds(at_s - self.received_s) if outcome in QUEUED else 0.0

    def at_nodes_s(self, until_s: float) -> float:
        """Return the seconds at nodes of a request whose last attempt ended then."""
        last_s = 0.0 if self.routed_s is None else seconds(until_s - self.routed_s)
        return self.upstream_s + last_s

    def ended(
        self,
        outcome: Outcome,
        at_us: int,
        at_s: float,
        *,
        error: str,
        status: int = 0,
        waited_s: float | None = None,
    ) -> RequestFinished:
        """Return the end, without what only an upstream can tell of it."""
        told = self.told
        return RequestFinished(
            told.request_id, told.fleet, told.router_id, at_us, self.received_at, outcome, self.node_id,
            self.runtime_id, told.model, self.served_model, "", error, told.key, told.workload, told.session,
            told.tags, self.fallback, self.attempts, status,
            self.waited_s(outcome, at_s) if waited_s is None else waited_s,
            self.ttft_s, seconds(at_s - self.received_s), self.at_nodes_s(at_s), NAN, NAN, NAN, NAN, NAN,
        )  # fmt: skip


def restored(will: RequestFinished) -> Life:
    """Return the life of which ``will`` was written, its moments by the epoch."""
    life = Life(will, will.received_at, will.received_at / 1e6)
    life.queue_wait_s, life.attempts, life.fallback = will.queue_wait_s, will.attempts, will.fallback
    life.node_id, life.runtime_id, life.served_model = will.node_id, will.runtime_id, will.served_model
    life.ttft_s, life.upstream_s = will.ttft_s, will.upstream_s
    if will.ttft_s == will.ttft_s:
        life.first_s = life.received_s + will.ttft_s
    if will.http_status:
        life.routed_s = will.occurred_at / 1e6
    return life
