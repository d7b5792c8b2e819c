"""Facts from moments: pure, given the life that a moment belongs to."""

from typing import NamedTuple, cast

from api.router.lifecycle.life import Life
from api.router.lifecycle.moments import Ended, FirstToken, Received, Sent, Went
from api.router.lifecycle.texts import (
    SENTENCE,
    between,
    fingerprint,
    labels,
    number,
    seconds,
    text,
)
from api.router.scoring.evidence import Evidence, explained
from schemas.events.reading import NAN
from schemas.events.request_admitted import RequestAdmitted
from schemas.events.request_finished import Outcome, RequestFinished
from schemas.events.request_first_token import RequestFirstToken
from schemas.events.request_received import RequestReceived
from schemas.events.request_routed import RequestRouted

_PRIORITY = 1_000_000


class Who(NamedTuple):
    """Whose facts these are."""

    fleet: str
    router_id: str


def received(who: Who, moment: Received, at_us: int) -> RequestReceived:
    """Return that a request came."""
    return RequestReceived(
        moment.request_id, who.fleet, who.router_id, at_us, moment.dialect, moment.path, text(moment.model),
        tuple(map(text, moment.models)), text(moment.key), text(moment.workload),
        fingerprint(moment.session), labels(moment.tags), moment.stream, between(moment.priority, _PRIORITY),
        float(moment.prompt_tokens), number(moment.max_tokens), float(moment.body_bytes),
    )  # fmt: skip


def admitted(who: Who, life: Life, moment: Went, at_us: int) -> RequestAdmitted:
    """Return that the queue let it go."""
    return RequestAdmitted(
        life.told.request_id, who.fleet, who.router_id, at_us, life.told.model, text(moment.pool),
        moment.reason, moment.waited_s, moment.depth,
    )  # fmt: skip


def routed(who: Who, life: Life, moment: Sent, at_us: int) -> RequestRouted:
    """Return that an attempt went out."""
    why = explained(moment.why) if isinstance(moment.why, Evidence) else moment.why
    return RequestRouted(
        life.told.request_id, who.fleet, who.router_id, at_us, moment.attempt, text(moment.node_id),
        life.node_id, text(moment.runtime_id), life.told.model, text(moment.model), text(moment.reason),
        why.policy or "static", why.policy_version, why.propensity, moment.score,
        why.shadow_policy, why.shadow_node_id, why.candidates, why.places, moment.fallback,
    )  # fmt: skip


def first_token(who: Who, life: Life, moment: FirstToken, at_us: int) -> RequestFirstToken:
    """Return that the first token came."""
    sent_s = life.routed_s
    return RequestFirstToken(
        life.told.request_id, who.fleet, who.router_id, at_us, life.attempts, life.node_id, life.runtime_id,
        life.told.model, moment.kind, seconds(moment.at_s - life.received_s),
        NAN if sent_s is None else seconds(moment.at_s - sent_s),
    )  # fmt: skip


def finished(life: Life, moment: Ended, at_us: int) -> RequestFinished:
    """Return its end."""
    at_s, told = moment.at_s, life.told
    outcome = cast(Outcome, moment.outcome)
    last_s = at_s if moment.last_chunk_s is None else moment.last_chunk_s
    return RequestFinished(
        told.request_id, told.fleet, told.router_id, at_us, life.received_at, outcome, life.node_id,
        life.runtime_id, told.model, text(moment.reported_model) or life.served_model,
        text(moment.finish_reason), text(moment.error, SENTENCE), told.key, told.workload, told.session,
        told.tags, life.fallback, max(life.attempts, moment.attempts), moment.status,
        life.waited_s(outcome, at_s), life.ttft_s, seconds(at_s - life.received_s), life.at_nodes_s(last_s),
        _inter_token_s(life, moment), number(moment.prompt_tokens), number(moment.completion_tokens),
        number(moment.cached_tokens), number(moment.reasoning_tokens),
    )  # fmt: skip


def _inter_token_s(life: Life, end: Ended) -> float:
    """Return the mean of the seconds between tokens; NaN where first, last or their number is not known."""
    tokens, last_s, first_s = end.completion_tokens, end.last_chunk_s, life.first_s
    if tokens is None or tokens < 2 or last_s is None or first_s is None:
        return NAN
    return seconds(last_s - first_s) / (tokens - 1)
