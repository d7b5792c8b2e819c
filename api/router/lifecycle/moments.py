"""What happens to a request, as the serving path hands it over: when by the monotonic clock, and what.

Plain values, so that they can go to another process. The functions make them of what the serving path has.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Literal, NamedTuple

from api.router.ask import ANONYMOUS, Ask, plain_name
from api.router.lifecycle.decision import UNEXPLAINED, Explanation
from api.router.lifecycle.texts import runtime_id
from api.router.scoring.evidence import Evidence
from api.router.seams import Admitted, Choice, Finish, Upstream


class Received(NamedTuple):
    """A request was read; the texts are its caller's."""

    at_s: float
    request_id: str
    dialect: Literal["openai", "ollama"]
    path: str
    model: str
    models: tuple[str, ...]
    key: str
    workload: str
    session: str
    tags: Mapping[str, str]
    stream: bool
    priority: int
    prompt_tokens: int
    max_tokens: int | None
    body_bytes: int


class Went(NamedTuple):
    """The queue let it go."""

    at_s: float
    request_id: str
    waited_s: float
    reason: str
    pool: str
    depth: float


class Sent(NamedTuple):
    """An attempt went out; ``other``: for another model than was asked for, ``fallback`` says why."""

    at_s: float
    request_id: str
    attempt: int
    node_id: str
    runtime_id: str
    model: str
    other: bool
    fallback: str
    reason: str
    score: float
    why: Evidence | Explanation


class Failed(NamedTuple):
    """An attempt came to nothing."""

    at_s: float
    request_id: str


class FirstToken(NamedTuple):
    """The first token came."""

    at_s: float
    request_id: str
    kind: str


class Ended(NamedTuple):
    """It is over; what the upstream did not tell is None or empty."""

    at_s: float
    request_id: str
    outcome: str
    status: int = 0
    attempts: int = 0
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None
    finish_reason: str = ""
    reported_model: str = ""
    last_chunk_s: float | None = None
    error: str = ""


Moment = Received | Went | Sent | Failed | FirstToken | Ended


def received(at_s: float, ask: Ask) -> Received:
    """Return that a request was read."""
    key = ask.caller.fingerprint
    return Received(
        at_s, ask.request_id, ask.dialect.value, ask.path, ask.model, ask.models,
        "" if key == ANONYMOUS else key, ask.workload, ask.session, dict(ask.tags), ask.stream,
        ask.priority, ask.prompt_tokens, ask.max_tokens, len(ask.body),
    )  # fmt: skip


def went(at_s: float, ask: Ask, admitted: Admitted) -> Went:
    """Return that the queue let it go."""
    reason = "" if admitted.reason == "none" else admitted.reason
    return Went(at_s, ask.request_id, admitted.waited_s, reason, admitted.pool, admitted.depth)


def sent(at_s: float, ask: Ask, attempt: int, choice: Choice) -> Sent:
    """Return that an attempt went out, and what it is explained by."""
    upstream = choice.upstream
    return Sent(
        at_s, ask.request_id, attempt, upstream.node_id, _runtime(upstream), choice.model,
        plain_name(choice.served) != plain_name(ask.model), choice.fallback, choice.reason,
        float(choice.score), _why(choice.decision),
    )  # fmt: skip


def failed(at_s: float, ask: Ask) -> Failed:
    """Return that an attempt came to nothing."""
    return Failed(at_s, ask.request_id)


def first_token(at_s: float, ask: Ask, kind: str) -> FirstToken:
    """Return that the first token came."""
    return FirstToken(at_s, ask.request_id, kind)


def ended(at_s: float, ask: Ask, finish: Finish) -> Ended:
    """Return that it is over."""
    usage = finish.usage
    return Ended(
        at_s, ask.request_id, finish.outcome.value, finish.status, finish.attempts, usage.prompt_tokens,
        usage.completion_tokens, usage.cached_tokens, usage.reasoning_tokens, finish.finish_reason,
        finish.reported_model, finish.last_chunk_s, finish.error,
    )  # fmt: skip


def _why(decision: object | None) -> Evidence | Explanation:
    """Return what a decision's ``evidence()`` or ``explain()`` does; one without either is unexplained."""
    # A protocol that is checked at run time takes 6 µs.
    told = getattr(decision, "evidence", None) or getattr(decision, "explain", None)
    found: Evidence | Explanation = told() if told is not None else UNEXPLAINED
    return found


@lru_cache(maxsize=4096)
def _runtime(upstream: Upstream) -> str:
    return upstream.runtime_id or runtime_id(upstream.kind, upstream.base_url)
