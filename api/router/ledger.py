"""What this router has sent, and what it learned from it: what no node can have told it yet.

Pure: the time comes in. A node tells once a second how busy it is; requests of this router are known here at
once. What a node reports beyond the most that this router had there lately is the work of others.
"""

import math
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import NamedTuple

from api.router.scoring.affinity import Trace
from api.router.scoring.place import UNKNOWN_SPEED, Speed
from api.router.seams import NO_USAGE, Usage
from api.router.service_times import Mean, ServiceTimes

MOST_TRACES = 20_000
"""Conversations, and beginnings of prompts, that are remembered; the oldest are forgotten first."""
MOST_REQUESTS = 1e6
"""More than this at one upstream are no reading."""
USUAL_PREFILL_S = 0.001
"""Of one token, where prompts were all of a length: a thousand tokens a second."""


@dataclass(slots=True)
class Upstream:
    """Requests at one upstream.

    Attributes:
        in_flight: of this router, now.
        others: of anybody else, by the last state of the node.
        most: the most of this router since that state; ``most_before`` since the one before.
    """

    in_flight: int = 0
    others: float = 0.0
    most: int = 0
    most_before: int = 0

    @property
    def outstanding(self) -> float:
        """All requests that it has."""
        return self.in_flight + self.others


@dataclass(slots=True)
class _Flight:
    upstream: str
    model: str
    began_s: float
    prompt_tokens: int
    loaded: bool
    free: bool
    first_s: float = math.nan


class Asked(NamedTuple):
    """What the ledger must know of a request that goes out.

    Attributes:
        request_id: names it.
        upstream: where it goes.
        model: as the upstream names it.
        prompt_tokens: an estimate.
        loaded: the model was in memory.
        free: it runs at once, as far as is known: its time to a first token is none of waiting.
    """

    request_id: str
    upstream: str
    model: str
    prompt_tokens: int
    loaded: bool
    free: bool


@dataclass(slots=True)
class Ledger:
    """In flight, service times by (upstream, model), and who served which conversation last.

    Attributes:
        upstreams: requests by upstream.
        answers: tokens of an answer by model.
    """

    upstreams: dict[str, Upstream] = field(default_factory=dict)
    answers: dict[str, Mean] = field(default_factory=dict)
    _loading: dict[tuple[str, str], float] = field(default_factory=dict)
    _times: dict[tuple[str, str], ServiceTimes] = field(default_factory=dict)
    _flights: dict[str, _Flight] = field(default_factory=dict)
    _sessions: OrderedDict[str, Trace] = field(default_factory=OrderedDict)
    _prefixes: OrderedDict[str, Trace] = field(default_factory=OrderedDict)

    def upstream(self, id_: str) -> Upstream:
        """Return the account of an upstream."""
        found = self.upstreams.get(id_)
        if found is None:
            found = self.upstreams[id_] = Upstream()
        return found

    def began(self, asked: Asked, now_s: float) -> None:
        """Hear that an attempt goes out; a request has one at a time."""
        account = self.upstream(asked.upstream)
        account.in_flight += 1
        account.most = max(account.most, account.in_flight)
        if not asked.loaded:
            self._loading.setdefault((asked.upstream, asked.model), now_s)
        self._flights[asked.request_id] = _Flight(
            asked.upstream, asked.model, now_s, asked.prompt_tokens, asked.loaded, asked.free
        )

    def first_token(self, request_id: str, now_s: float) -> None:
        """Hear that the first token came, of an answer that comes piece by piece."""
        flight = self._flights.get(request_id)
        if flight is None:
            return
        flight.first_s = now_s
        self._loading.pop((flight.upstream, flight.model), None)
        if flight.free:
            self._timed(flight, now_s).first_token(
                now_s - flight.began_s,
                flight.prompt_tokens,
                was_loaded=flight.loaded,
                prefill_s=USUAL_PREFILL_S,
            )

    def ended(self, request_id: str, served: str, now_s: float, *, ok: bool, usage: Usage) -> None:
        """Hear that an attempt is over.

        Only one that was answered with tokens teaches anything: a node that is quick to refuse is not quick.
        """
        flight = self._flights.pop(request_id, None)
        if flight is None:
            return
        self.upstream(flight.upstream).in_flight -= 1
        self._loading.pop((flight.upstream, flight.model), None)
        tokens = usage.completion_tokens
        if ok and not (math.isnan(flight.first_s) and usage == NO_USAGE):
            times = self._timed(flight, now_s)
            # A load says nothing of the time that the next request takes.
            began_s = flight.began_s if flight.loaded or math.isnan(flight.first_s) else flight.first_s
            times.answered(now_s - began_s, now_s - _first_s(flight, times), tokens)
            if tokens:
                mean = self.answers.get(served)
                if mean is None:
                    mean = self.answers[served] = Mean()
                mean.add(tokens)

    def reported(self, upstream: str, requests: float) -> bool:
        """Hear how many requests a node counts at an upstream; tell whether others' share changed."""
        account = self.upstream(upstream)
        before = account.others
        known = max(account.most, account.most_before)
        account.others = max(0.0, requests - known) if requests <= MOST_REQUESTS else 0.0  # NaN is not
        account.most_before, account.most = account.most, account.in_flight
        return account.others != before

    def speed(self, upstream: str, model: str) -> Speed:
        """Return what was learned of a place."""
        times = self._times.get((upstream, model))
        return times.speed(USUAL_PREFILL_S) if times else UNKNOWN_SPEED

    def loading_s(self, upstream: str, model: str, now_s: float) -> float:
        """Return for how long a place has been loading its model for a request; NaN: it is not."""
        return now_s - self._loading.get((upstream, model), math.nan)

    def loads(self, upstream: str, model: str, now_s: float, *, begins: bool) -> None:
        """Hear that a place begins, or ends, to load its model ahead of any request."""
        if begins:
            self._loading.setdefault((upstream, model), now_s)
        else:
            self._loading.pop((upstream, model), None)

    def served(self, upstream: str, session: str, prefix: str, now_s: float) -> None:
        """Hear that an upstream serves a request of this conversation, and with this beginning."""
        trace = Trace(upstream, now_s)
        for traces, key in ((self._sessions, session), (self._prefixes, prefix)):
            if key:
                traces[key] = trace
                traces.move_to_end(key)
                if len(traces) > MOST_TRACES:
                    traces.popitem(last=False)

    def session(self, key: str) -> Trace | None:
        """Return who served a conversation last."""
        return self._sessions.get(key) if key else None

    def prefix(self, key: str) -> Trace | None:
        """Return who served a prompt with this beginning last."""
        return self._prefixes.get(key) if key else None

    def forget(self, upstream: str) -> None:
        """Drop what is known of an upstream that is gone; what it still has is counted to its end."""
        for key in [key for key in self._times if key[0] == upstream]:
            del self._times[key]
        account = self.upstreams.get(upstream)
        if account is not None and not account.in_flight:
            del self.upstreams[upstream]

    def _timed(self, flight: _Flight, now_s: float) -> ServiceTimes:
        key = flight.upstream, flight.model
        times = self._times.get(key)
        if times is None:
            times = self._times[key] = ServiceTimes()
        times.seen_s = now_s
        return times


def _first_s(flight: _Flight, times: ServiceTimes) -> float:
    """Return when the first token came; of an answer in one piece, when it is thought to have been there."""
    if not math.isnan(flight.first_s):
        return flight.first_s
    if not (flight.loaded and flight.free):
        return math.nan
    usual = times.speed(USUAL_PREFILL_S)
    known = not math.isnan(usual.first_token_s)
    return flight.began_s + (usual.first_token_s + usual.prefill_s * flight.prompt_tokens if known else 0.0)
