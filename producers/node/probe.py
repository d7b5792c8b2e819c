"""The probe: a short generation on a model that is loaded, when its runtime has nothing else to do.

Off unless ``node.probe`` says so. It never loads a model, keeps none in memory longer than it would have
stayed, and is never the activity of a user: its speed and age are fields of their own, and what Ollama shows
of it as activity is taken out again.
"""

import asyncio
import contextlib
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import psutil

from producers.node.runtimes.http import BadAnswer, NobodyThere, RuntimeHttp, mapping, number
from producers.node.runtimes.opened import Reader
from producers.node.runtimes.target import Target
from producers.node.source import Facts
from schemas.events.node_sample import LoadedModel, RuntimeSample
from schemas.events.reading import NAN

TOKENS = 16
TIMEOUT_S = 30.0
# A runtime that tells no requests in progress is idle when it showed none for so long.
QUIET_S = 60.0
# A model that is about to go is let go.
LEAST_STAY_S = 30.0
# Readings come every two seconds: so long after its end a change may still be the probe's.
AFTERGLOW_S = 5.0
# Of one CPU, over a second: generation keeps at least one thread busy, on a GPU too.
BUSY_CPU_RATIO = 0.2
SPARE_CPU_RATIO = 0.3


class Request(NamedTuple):
    """What is sent."""

    path: str
    body: Mapping[str, Any]


def request(kind: str, model: LoadedModel) -> Request:
    """Return the request for a model. Ollama is told to keep it for as long as it would have stayed."""
    if kind == "ollama":
        stay = {"keep_alive": f"{math.floor(model.expires_in_s)}s"} if model.expires_in_s >= 0 else {}
        options = {"num_predict": TOKENS, "temperature": 0}
        body = {"model": model.name, "prompt": " ", "stream": False, "options": options, **stay}
        return Request("/api/generate", body)
    body = {"model": model.name, "prompt": " ", "max_tokens": TOKENS, "temperature": 0, "stream": False}
    return Request("/v1/completions", body)


def speed(answer: Any, elapsed_s: float) -> float:  # noqa: ANN401 - whatever JSON holds
    """Return tokens a second: by the runtime's own clock where it tells, else by ours, prompt included."""
    told = mapping(answer)
    tokens, nanoseconds = number(told.get("eval_count")), number(told.get("eval_duration"))
    if tokens > 0 and nanoseconds > 0:
        return tokens / nanoseconds * 1e9
    timed = number(mapping(told.get("timings")).get("predicted_per_second"))
    if timed > 0:
        return timed
    tokens = number(mapping(told.get("usage")).get("completion_tokens"))
    return tokens / elapsed_s if tokens > 0 and elapsed_s > 0 else NAN


def idle(sample: RuntimeSample, *, generated: bool, quiet_s: float) -> bool:
    """Return whether nobody uses the runtime. ``generated``: it counted tokens since the last reading.

    One that tells no requests in progress must have shown no activity for ``QUIET_S``.
    """
    if sample.status != "up" or generated or sample.requests_waiting > 0:
        return False
    if sample.requests_running >= 0:
        return sample.requests_running == 0
    return not sample.last_activity_age_s < QUIET_S and quiet_s >= QUIET_S


def candidate(sample: RuntimeSample) -> LoadedModel | None:
    """Return a model that is in memory and stays there, else nothing."""
    return next((each for each in sample.models if not each.expires_in_s < LEAST_STAY_S), None)


class Probe:
    """Probes one runtime, which ``reader`` reads. ``clock`` gives monotonic seconds."""

    def __init__(
        self,
        at: Target,
        reader: Reader,
        interval_s: float,
        clock: Callable[[], float] = time.monotonic,
        cpu: Callable[[int], float] | None = None,
    ) -> None:
        self._cpu = cpu or cpu_ratio
        self._at = at
        self._reader = reader
        self._reading = asyncio.Lock()
        self._interval_s = interval_s
        self._clock = clock
        self._http = RuntimeHttp(at.url, at.token)
        self._task: asyncio.Task[None] | None = None
        self._due_s = clock()
        self._quiet_since_s = clock()
        self._span = Span(math.inf, math.inf)
        self._speed = self._tokens = self._user_s = NAN

    async def read(self) -> Facts:
        """Return the runtime's readings with the probe's beside them; begin a probe when it is due."""
        facts = await self._facts()
        if not facts.runtimes:
            return facts
        (sample,) = facts.runtimes
        return replace(facts, runtimes=(self._observed(sample),))

    async def close(self) -> None:
        """Stop, and close the connections."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        await self._http.close()
        await self._reader.close()

    async def _facts(self) -> Facts:
        async with self._reading:  # a page that overtakes another would look like a counter that went back
            return await self._reader.read()

    def _observed(self, sample: RuntimeSample) -> RuntimeSample:
        now_s = self._clock()
        sample = self._without_us(sample, now_s)
        idle_now = self._idle(sample, now_s)
        running = self._task is not None and not self._task.done()
        if idle_now and not running and now_s >= self._due_s and candidate(sample) is not None:
            self._due_s = now_s + self._interval_s
            self._task = asyncio.create_task(self._run(), name=f"probe {self._at.runtime_id}")
            running = True
        return sample._replace(
            probes_running=float(running),
            probe_tokens_per_second=self._speed,
            probe_age_s=now_s - self._span.ended_s if math.isfinite(self._span.ended_s) else NAN,
        )

    def _idle(self, sample: RuntimeSample, now_s: float) -> bool:
        generated = sample.generation_tokens > self._tokens
        self._tokens = sample.generation_tokens
        if sample.status != "up" or sample.last_activity_age_s < QUIET_S:
            self._quiet_since_s = now_s
        if self._at.kind == "openai":  # it may be a gateway, and what it leads to costs money
            return False
        return idle(sample, generated=generated, quiet_s=now_s - self._quiet_since_s)

    def _without_us(self, sample: RuntimeSample, now_s: float) -> RuntimeSample:
        """Return the sample without the activity that our own probe was."""
        seen_s = now_s - sample.last_activity_age_s
        if not self._span.covers(seen_s):
            self._user_s = seen_s if math.isfinite(seen_s) else self._user_s
        return sample._replace(last_activity_age_s=now_s - self._user_s)

    async def _run(self) -> None:
        """Look once more, for the reading that we begin with may be two seconds old; then ask."""
        sample = self._without_us((await self._facts()).runtimes[0], self._clock())
        model = candidate(sample)
        if model is None or not await self._still_idle(sample):
            return
        self._span = Span(self._clock(), math.inf)
        try:
            path, body = request(self._at.kind, model)
            answer = await self._http.value(path, body, TIMEOUT_S)
            self._speed = speed(answer, self._clock() - self._span.began_s)
        except (BadAnswer, NobodyThere):
            self._speed = NAN
        finally:
            self._span = self._span._replace(ended_s=self._clock())

    async def _still_idle(self, sample: RuntimeSample) -> bool:
        if sample.status != "up" or sample.requests_running > 0 or sample.requests_waiting > 0:
            return False
        if sample.requests_running == 0:
            return True
        if sample.last_activity_age_s < QUIET_S:
            return False
        return await asyncio.to_thread(self._cpu, self._at.pid) < BUSY_CPU_RATIO


class Span(NamedTuple):
    """From when to when a probe ran; monotonic seconds, infinite while it is not yet known."""

    began_s: float
    ended_s: float

    def covers(self, moment_s: float) -> bool:
        """Return whether what was seen at a moment may be the probe's."""
        return self.began_s <= moment_s <= self.ended_s + AFTERGLOW_S


def cpu_ratio(pid: int, over_s: float = 1.0) -> float:
    """Return the share of one CPU that a process and its children use; it blocks.

    Infinite where that is not known, and where the machine has no CPU to spare: one that waits for a CPU
    looks idle, and a probe would measure the wait.
    """
    try:
        if pid <= 0:
            return math.inf
        parent = psutil.Process(pid)
        family = [parent, *parent.children(recursive=True)]
        before_s, idle_s = _cpu_s(family), psutil.cpu_times().idle
        time.sleep(over_s)
        if psutil.cpu_times().idle - idle_s < SPARE_CPU_RATIO * over_s:
            return math.inf
        return (_cpu_s(family) - before_s) / over_s
    except (psutil.Error, OSError):
        return math.inf


def _cpu_s(family: Sequence[psutil.Process]) -> float:
    times = [each.cpu_times() for each in family]
    return sum(each.user + each.system for each in times)
