"""Events of requests as facts of one key: which keys an event concerns, and what it says to each."""

from hashlib import blake2b

from processors.requests.state import FLEET_KEY, Fact
from schemas.events.request_admitted import RequestAdmitted
from schemas.events.request_finished import RequestFinished
from schemas.events.request_first_token import RequestFirstToken
from schemas.events.request_received import RequestReceived
from schemas.events.request_routed import RequestRouted

RequestEvent = RequestReceived | RequestAdmitted | RequestRouted | RequestFirstToken | RequestFinished
REQUEST_EVENTS = (RequestReceived, RequestAdmitted, RequestRouted, RequestFirstToken, RequestFinished)

# Kinds of facts, in the order in which those of one moment are taken. MOVED: it left for another node.
RECEIVED, ROUTED, FIRST_TOKEN, MOVED, FINISHED = range(5)

# Places of the values of a FINISHED fact; a FIRST_TOKEN has the one of TTFT.
QUEUE_WAIT, TTFT, TOTAL, INTER_TOKEN, PROMPT, COMPLETION, CACHED, REASONING = range(8)

_DIGEST_BYTES = 8


def keys(event: RequestEvent) -> tuple[str, ...]:
    """Return the keys an event concerns; the first is the one that speaks where only one should."""
    fleet = FLEET_KEY + event.fleet
    if isinstance(event, RequestRouted):
        nodes = dict.fromkeys((event.node_id, event.previous_node_id))
        return (*(node_id for node_id in nodes if node_id), fleet)
    if isinstance(event, RequestFirstToken):
        return (event.node_id or fleet,)
    if isinstance(event, RequestFinished) and event.node_id:
        return (event.node_id, fleet)
    return (fleet,)


def fact_of(event: RequestEvent, key: str) -> Fact | None:
    """Return what the event says to one of its keys; None: nothing that is folded."""
    match event:
        case RequestReceived():
            return _fact(event, RECEIVED)
        case RequestRouted():
            here = key == event.node_id or key.startswith(FLEET_KEY)
            return _fact(event, ROUTED if here else MOVED, event.attempt)
        case RequestFirstToken():
            own = event.upstream_ttft_s
            return _fact(event, FIRST_TOKEN, event.attempt, values=(own if own == own else event.ttft_s,))
        case RequestFinished():
            return _fact(event, FINISHED, 0, event.outcome, _values(event))
        case RequestAdmitted():
            # Its waiting time comes with the end, for every request, admitted or not.
            return None


def digest(request_id: str, kind: int, attempt: int) -> int:
    """Return 64 bits that tell one fact from every other of its key."""
    raw = f"{request_id}\x1f{kind}\x1f{attempt}".encode()
    return int.from_bytes(blake2b(raw, digest_size=_DIGEST_BYTES).digest(), "little", signed=True)


def _fact(
    event: RequestEvent, kind: int, attempt: int = 0, outcome: str = "", values: tuple[float, ...] = ()
) -> Fact:
    return Fact(event.occurred_at, kind, attempt, event.request_id, event.fleet, event.model, outcome, values)


def _values(event: RequestFinished) -> tuple[float, ...]:
    return (
        event.queue_wait_s,
        event.ttft_s,
        event.total_s,
        event.inter_token_s,
        event.prompt_tokens,
        event.completion_tokens,
        event.cached_tokens,
        event.reasoning_tokens,
    )
