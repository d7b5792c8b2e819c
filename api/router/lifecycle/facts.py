"""Facts from moments: pure, given the life that a moment belongs to."""

from functools import lru_cache
from typing import NamedTuple

from api.router.ask import ANONYMOUS, Ask, plain_name
from api.router.lifecycle.decision import explanation
from api.router.lifecycle.life import Life
from api.router.lifecycle.moments import Ended, FirstToken, Received, Sent, Went
from api.router.lifecycle.texts import (
    SENTENCE,
    between,
    fingerprint,
    labels,
    number,
    runtime_id,
    seconds,
    text,
)
from api.router.seams import Finish, Upstream
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
    ask: Ask = moment.ask
    key = ask.caller.fingerprint
    return RequestReceived(
        ask.request_id, who.fleet, who.router_id, at_us, ask.dialect.value, ask.path, text(ask.model),
        tuple(map(text, ask.models)), "" if key == ANONYMOUS else text(key), text(ask.workload),
        fingerprint(ask.session), labels(ask.tags), ask.stream, between(ask.priority, _PRIORITY),
        float(ask.prompt_tokens), number(ask.max_tokens), float(len(ask.body)),
    )  # fmt: skip


def admitted(who: Who, life: Life, moment: Went, at_us: int) -> RequestAdmitted:
    """Return that the queue let it go."""
    told = moment.admitted
    reason = "" if told.reason == "none" else told.reason
    return RequestAdmitted(
        life.told.request_id, who.fleet, who.router_id, at_us, life.told.model, text(told.pool), reason,
        told.waited_s, told.depth,
    )  # fmt: skip


def routed(who: Who, life: Life, moment: Sent, at_us: int) -> RequestRouted:
    """Return that an attempt went out."""
    choice, why = moment.choice, explanation(moment.choice.decision)
    upstream = choice.upstream
    return RequestRouted(
        life.told.request_id, who.fleet, who.router_id, at_us, moment.attempt, text(upstream.node_id),
        life.node_id, _runtime(upstream), life.told.model, text(choice.model), text(choice.reason),
        why.policy or "static", why.policy_version, why.propensity, float(choice.score),
        why.shadow_policy, why.shadow_node_id, why.candidates, why.places, choice.fallback,
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
    at_s, finish = moment.at_s, moment.finish
    usage, told = finish.usage, life.told
    outcome: Outcome = finish.outcome.value
    last_s = at_s if finish.last_chunk_s is None else finish.last_chunk_s
    return RequestFinished(
        told.request_id, told.fleet, told.router_id, at_us, life.received_at, outcome, life.node_id,
        life.runtime_id, told.model, text(finish.reported_model) or life.served_model,
        text(finish.finish_reason), text(finish.error, SENTENCE), told.key, told.workload, told.session,
        told.tags, life.fallback, max(life.attempts, finish.attempts), finish.status,
        life.waited_s(outcome, at_s), life.ttft_s, seconds(at_s - life.received_s), life.at_nodes_s(last_s),
        _inter_token_s(life, finish), number(usage.prompt_tokens), number(usage.completion_tokens),
        number(usage.cached_tokens), number(usage.reasoning_tokens),
    )  # fmt: skip


def is_fallback(moment: Sent, model: str) -> bool:
    """Tell whether another model than was asked for is asked."""
    return plain_name(moment.choice.served) != plain_name(model)


def _inter_token_s(life: Life, finish: Finish) -> float:
    """Return the mean of the seconds between tokens; NaN where first, last or their number is not known."""
    tokens, last_s, first_s = finish.usage.completion_tokens, finish.last_chunk_s, life.first_s
    if tokens is None or tokens < 2 or last_s is None or first_s is None:
        return NAN
    return seconds(last_s - first_s) / (tokens - 1)


@lru_cache(maxsize=4096)
def _runtime(upstream: Upstream) -> str:
    return text(upstream.runtime_id or runtime_id(upstream.kind, upstream.base_url))
