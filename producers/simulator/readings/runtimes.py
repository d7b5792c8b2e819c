"""Readings of runtimes: every two seconds, counts as differences, and of each kind only what it tells."""

import math

from producers.simulator.physics.batching import Counters
from producers.simulator.server import Loaded, Server
from schemas.events.node_sample import LoadedModel, RuntimeSample
from schemas.events.reading import NAN

PERIOD_S = 2.0
# A runtime that is gone stays listed for so long.
FORGET_S = 120.0
_UNCOUNTED = (NAN,) * 13
_MOMENT_S = 0.01
_FAILED = 4  # its place in the counters


class _Totals:
    """What was counted when a runtime was read last."""

    __slots__ = ("at_s", "generation", "models", "values")

    def __init__(self) -> None:
        self.at_s = NAN
        self.generation = -1
        self.values: tuple[float, ...] = ()
        self.models: dict[str, tuple[float, float]] = {}


class RuntimeReader:
    """Reads one runtime for one run of an agent."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._read_s = -math.inf
        self._latest = RuntimeSample(server.spec.runtime_id, server.spec.kind, "down")
        self._totals = _Totals()
        self._expiries: dict[str, float] | None = None
        self._activity_s = NAN
        self._seen = False

    def read(self, now_s: float) -> RuntimeSample | None:
        """Return the sample of this moment; none of a runtime that was never there, or not for long."""
        server = self._server
        if server.state != "up" and (not self._seen or now_s - server.down_since_s > FORGET_S):
            return None
        if now_s - self._read_s >= PERIOD_S - _MOMENT_S:
            self._latest, self._read_s = self._fresh(now_s), now_s
            return self._latest
        return self._older(now_s - self._read_s)

    def _older(self, age_s: float) -> RuntimeSample:
        """Return the last reading again: no counts, for each is told once."""
        last = self._latest
        return RuntimeSample(
            last.runtime_id,
            last.kind,
            last.status,
            last.requests_running,
            last.requests_waiting,
            last.slots,
            last.kv_cache_ratio,
            last_activity_age_s=last.last_activity_age_s + age_s,
            age_s=age_s,
            models=tuple([_aged(model, age_s) for model in last.models]),
        )

    def _fresh(self, now_s: float) -> RuntimeSample:
        server, kind = self._server, self._server.kind
        name, what = server.spec.runtime_id, server.spec.kind
        if server.state != "up" or not server.answers:
            self._totals.generation = -1
            stuck = server.state == "up" or (server.state == "starting" and what == "llamacpp")
            return RuntimeSample(name, what, "error" if stuck else "down", age_s=0.0)
        self._seen = True
        counts = self._counts(now_s) if kind.tells_tokens else None
        loaded = [one for one in server.loaded.values() if one.ready_s <= now_s]
        models = tuple([self._model(one, now_s, counts is not None) for one in loaded])
        if kind.tells_tokens:
            self._remember(now_s, loaded)
        head = (
            name,
            what,
            "up",
            float(server.running) if kind.tells_requests else NAN,
            float(server.waiting) if kind.tells_requests else NAN,
            float(server.spec.slots) if kind.tells_slots else NAN,
            _cache(loaded) if kind.tells_cache else NAN,
        )
        told = counts if counts is not None else _UNCOUNTED
        tail = (self._activity(now_s, loaded), NAN, NAN, NAN, 0.0, models)
        return RuntimeSample._make((*head, *told, *tail))

    def _counts(self, now_s: float) -> tuple[float, ...] | None:
        """Return interval and counts since the last reading; none where there is nothing before it."""
        totals, kind = self._totals, self._server.kind
        if totals.generation != self._server.generation:
            return None
        now = self._values()
        since = [after - before for after, before in zip(now, totals.values, strict=True)]
        prompted, generated, cached, finished, failed, preempted, *sums = since
        latency = kind.tells_latency
        return (
            now_s - totals.at_s,
            prompted - (0.0 if kind.paged else cached),
            generated,
            cached if kind.tells_cached else NAN,
            finished if latency else NAN,
            failed if latency else NAN,
            preempted if kind.tells_preemptions else NAN,
            *(sums if latency else (NAN,) * 6),
        )

    def _values(self) -> tuple[float, ...]:
        """Return the counters as the runtime shows them: whole tokens."""
        values = [0.0] * 12
        for batch in self._server.batches():
            for place, value in enumerate(_shown(batch.counters)):
                values[place] += value
        values[_FAILED] += self._server.failed
        return tuple(values)

    def _remember(self, now_s: float, loaded: list[Loaded]) -> None:
        totals = self._totals
        totals.at_s, totals.generation, totals.values = now_s, self._server.generation, self._values()
        if self._server.kind.paged:
            totals.models = {one.spec.name: _tokens(one.batch.counters) for one in loaded}

    def _model(self, one: Loaded, now_s: float, counted: bool) -> LoadedModel:
        kind, batch, placement = self._server.kind, one.batch, one.placement
        prompted = generated = NAN
        by_model = kind.paged
        if by_model and counted:
            before = self._totals.models.get(one.spec.name, (0.0, 0.0))
            now = _tokens(batch.counters)
            prompted, generated = now[0] - before[0], now[1] - before[1]
        size = placement.bytes if kind.tells_expiry else batch.shape.weights_bytes
        return LoadedModel(
            one.spec.name,
            float(int(size)) if kind.tells_size else NAN,
            float(int(placement.gpu_bytes * len(placement.gpus))) if kind.tells_expiry else NAN,
            float(batch.shape.context_tokens) if kind.tells_context else NAN,
            float(batch.running) if by_model else NAN,
            prompted,
            generated,
            round(self._expires_s(one, now_s) - now_s, 6) if kind.tells_expiry else NAN,
        )

    def _expires_s(self, one: Loaded, now_s: float) -> float:
        """Return the expiry that is shown; of one that was never idle it moves with the clock."""
        return one.stands_s if one.stands_s == one.stands_s else now_s + self._server.spec.keep_alive_s

    def _activity(self, now_s: float, loaded: list[Loaded]) -> float:
        """Return the seconds since an expiry moved; the first look shows nothing."""
        if not self._server.kind.tells_expiry:
            return NAN
        expiries = {one.spec.name: self._expires_s(one, now_s) for one in loaded}
        before, self._expiries = self._expiries, expiries
        if before is not None and any(before.get(name) != at_s for name, at_s in expiries.items()):
            self._activity_s = now_s
        return now_s - self._activity_s


def _shown(counters: Counters) -> tuple[float, ...]:
    return (
        counters.prompted, _whole(counters.generated), counters.cached, counters.finished,
        counters.failed, counters.preempted, counters.ttft_s, counters.ttft_count, counters.e2e_s,
        counters.e2e_count, counters.queue_s, counters.queue_count,
    )  # fmt: skip


def _whole(tokens: float) -> float:
    """Return whole tokens; steps are shares of a token, and their sum falls short by the last digits."""
    return float(int(tokens + 1e-3))


def _tokens(counters: Counters) -> tuple[float, float]:
    return counters.prompted, _whole(counters.generated)


def _cache(loaded: list[Loaded]) -> float:
    return sum(one.batch.cache.ratio(one.batch.used_tokens) for one in loaded) / max(1, len(loaded))


def _aged(model: LoadedModel, age_s: float) -> LoadedModel:
    return LoadedModel(
        model.name, model.size_bytes, model.vram_bytes, model.context_length, model.requests_running,
        NAN, NAN, model.expires_in_s - age_s,
    )  # fmt: skip
