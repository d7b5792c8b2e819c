"""Continuous batching: prompts are read in pieces between the steps that write a token for everyone.

    waiting --slot and room in the cache--> reading --> writing --> ended
       ^                                                   |
       +------------- pushed out, the cache is full -------+

All requests that write advance alike, so the batch counts its steps once, and a request ends when the count
reaches its own. Between two events (an arrival, a prompt read, an answer ended, a cache full) speed is
constant, and time jumps from one to the next.
"""

import heapq
import math
from collections import deque
from collections.abc import Callable
from typing import Literal

from producers.simulator.hardware.models import Shape
from producers.simulator.physics import decode, prefill
from producers.simulator.physics.activity import Activity
from producers.simulator.physics.decode import Rig
from producers.simulator.physics.kv import PAGE_TOKENS, KvCache
from producers.simulator.physics.queueing import Request, WaitingLine

End = Literal["completed", "abandoned", "failed", "died"]
Ended = Callable[[Request, End, float], None]
# Told when a request gets its slot, and when its first token comes.
Noted = Callable[[Request, float], None]
# Events closer together than this happen at once.
_MOMENT_S = 1e-9
# Reading prompts touches the memory too, a little.
_PREFILL_TRAFFIC = 0.25


class Counters:
    """What a runtime has counted since it started."""

    __slots__ = (
        "cached", "e2e_count", "e2e_s", "failed", "finished", "generated", "preempted", "prompted",
        "queue_count", "queue_s", "ttft_count", "ttft_s",
    )  # fmt: skip

    def __init__(self) -> None:
        self.prompted = self.generated = self.cached = self.finished = self.failed = self.preempted = 0.0
        self.ttft_s = self.ttft_count = self.e2e_s = self.e2e_count = self.queue_s = self.queue_count = 0.0


class Batch:
    """The requests of one loaded model.

    ``slots`` are the most that run at once, ``piece`` the prompt tokens between two steps. ``on_end`` hears
    of every request that ends, ``on_first`` of every first token. With ``paged`` the cache is a pool that a
    batch can fill; without, every slot has its own.
    """

    __slots__ = (
        "_context", "_ends", "_inbox", "_progress_s", "_reading", "_steps", "cache", "counters", "did",
        "line", "on_end", "on_first", "paged", "piece", "rig", "shape", "slots", "writing",
    )  # fmt: skip

    def __init__(self, shape: Shape, rig: Rig, cache: KvCache, *, slots: int, piece: int, paged: bool,
                 on_end: Ended, on_first: Noted) -> None:  # fmt: skip
        self.shape = shape
        self.rig = rig
        self.cache = cache
        self.slots = slots
        self.piece = piece
        self.paged = paged
        self.on_end = on_end
        self.on_first = on_first
        self.line = WaitingLine()
        self.counters = Counters()
        self.did = Activity()
        self._inbox: list[tuple[float, int, Request]] = []
        self._reading: deque[Request] = deque()
        self._ends: list[tuple[float, int, Request]] = []  # by the step at which they end
        self.writing = 0
        self._steps = 0.0
        self._context = 0.0  # tokens in the cache of those who write, as of step 0
        self._progress_s = -math.inf

    @property
    def running(self) -> int:
        """Requests in the batch."""
        return self.writing + len(self._reading)

    @property
    def waiting(self) -> int:
        """Requests in the queue."""
        return self.line.waiting

    @property
    def idle(self) -> bool:
        """Whether there is nothing to do, and nobody on the way."""
        return not self.writing and not self._reading and not self.line.waiting and not self._inbox

    def quiet_until(self, end_s: float) -> bool:
        """Return whether there is nothing to do before a time."""
        busy = self.writing or self._reading or self.line.waiting
        return not busy and not (self._inbox and self._inbox[0][0] < end_s)

    @property
    def used_tokens(self) -> float:
        """Tokens in the cache."""
        return self._context + self.writing * self._steps + sum(one.prompt for one in self._reading)

    def arrive(self, request: Request) -> None:
        """Take a request; what does not fit the context is cut off."""
        most = self.shape.context_tokens
        request.prompt = request.wanted = min(request.prompt, most - 1)
        request.known = min(request.known, request.prompt - 1)
        request.output = min(request.output, most - request.prompt)
        self.line.join(request)
        self.line.watch(request)

    def post(self, at_s: float, request: Request) -> None:
        """Let a request arrive at a time to come."""
        heapq.heappush(self._inbox, (at_s, request.serial, request))

    def advance(self, begin_s: float, end_s: float, clock: float, share: float) -> None:
        """Let time pass; ``share`` of the accelerator's time is this batch's, 0 while it stands still."""
        inbox, now_s = self._inbox, begin_s
        while now_s < end_s - _MOMENT_S:
            while inbox and inbox[0][0] <= now_s + _MOMENT_S:
                self.arrive(heapq.heappop(inbox)[2])
            self._drop_impatient(now_s)
            self._admit(now_s)
            until_s = min(end_s, self.line.next_deadline_s(), inbox[0][0] if inbox else end_s)
            until_s = max(until_s, now_s + _MOMENT_S)
            if share <= 0.0 or (not self.writing and not self._reading):
                now_s = until_s
            else:
                now_s = self._run(now_s, until_s, clock, share)

    def abort(self, request: Request, at_s: float, how: End) -> None:
        """End a request from outside; one that is over already stays as it is."""
        if request.over:
            return
        if any(one is request for _, _, one in self._inbox):
            self._inbox = [entry for entry in self._inbox if entry[2] is not request]
            heapq.heapify(self._inbox)
        elif request.where == "writing":
            self._leave_batch(request)
        elif request.where == "reading":
            self._reading.remove(request)
        else:
            self.line.leave(request)
        self._end(request, how, at_s)

    def abort_all(self, at_s: float, how: End) -> list[Request]:
        """End everything, as when the process dies; return who was there."""
        ended = self.requests()
        for request in ended:
            self._end(request, how, at_s)
        self._reading.clear()
        self._inbox.clear()
        self._ends.clear()
        self.line.clear()
        self.writing, self._context = 0, 0.0
        return ended

    def requests(self) -> list[Request]:
        """Return everyone who is here."""
        coming = (one for _, _, one in self._inbox)
        return [*(one for _, _, one in self._ends), *self._reading, *self.line.all(), *coming]

    def _drop_impatient(self, now_s: float) -> None:
        if self.line.next_deadline_s() > now_s + _MOMENT_S:
            return
        for request in list(self.line.impatient(now_s + _MOMENT_S)):
            if request.where == "writing" and self._progress_s + request.patience_s > now_s:
                request.heard_s = self._progress_s
                self.line.watch(request)
            else:
                self.abort(request, now_s, "abandoned")

    def _admit(self, now_s: float) -> None:
        while self.line.waiting and self.writing + len(self._reading) < self.slots:
            request = self.line.first()
            if request is None:
                return
            if self.paged and not self._fits(request):
                return
            self.line.take()
            if request.slot_s != request.slot_s:
                request.slot_s = now_s
            request.where = "reading"
            request.read = 0.0 if request.written else float(request.known)
            self._reading.append(request)

    def _fits(self, request: Request) -> bool:
        used, room = self.used_tokens, self.cache.room_tokens()
        if used + request.prompt + PAGE_TOKENS * (self.writing + 1) <= room:
            return True
        # A prompt larger than the whole cache would wait for ever: it gets what there is when it is alone.
        return not self.writing and not self._reading

    def _run(self, now_s: float, until_s: float, clock: float, share: float) -> float:
        """Go on to the next event, or to ``until_s``; return when that is."""
        writing, reading = self.writing, self._reading
        step_s, arithmetic = 0.0, 0.0
        context = self._context + writing * self._steps
        if writing:
            step_s, arithmetic = decode.step_s(self.rig, self.shape, writing, context, clock)
        read_rate, whole_s = 0.0, step_s
        if reading:
            head = reading[0]
            speed = prefill.tokens_per_second(self.rig, self.shape, head.prompt, clock)
            piece = min(self.piece, max(1.0, head.prompt - head.read))
            whole_s = step_s + piece / speed + self.rig.step_s
            read_rate = piece / whole_s * share
        step_rate = share / whole_s if writing else 0.0
        passed_s = until_s - now_s
        if reading:
            passed_s = min(passed_s, (reading[0].prompt - reading[0].read) / read_rate)
        if writing:
            passed_s = min(passed_s, self._to_event(context) / step_rate)
        passed_s = max(passed_s, 0.0)
        self._account(passed_s * share, step_s, whole_s, arithmetic)
        self._steps += step_rate * passed_s
        self.counters.generated += step_rate * passed_s * writing
        now_s += passed_s
        self._progress_s = now_s
        if reading:
            reading[0].read += read_rate * passed_s
            if reading[0].read >= reading[0].prompt - 1e-6:
                self._first_token(reading.popleft(), now_s)
        self._finish(now_s)
        if self.paged and self.writing:
            self._make_room()
        return now_s

    def _to_event(self, context: float) -> float:
        """Return the steps until the next answer ends or the cache is full."""
        steps = self._ends[0][0] - self._steps
        if self.paged and self.writing > 1:
            used = context + sum(one.prompt for one in self._reading)
            steps = min(steps, max(1.0, (self.cache.room_tokens() - used) / self.writing))
        return max(steps, 0.0)

    def _account(self, busy_s: float, step_s: float, whole_s: float, arithmetic: float) -> None:
        did = self.did
        writes = step_s / whole_s if whole_s > 0.0 else 0.0
        did.busy += busy_s
        did.decode += busy_s * writes
        did.prefill += busy_s * (1.0 - writes)
        did.arithmetic += busy_s * writes * arithmetic
        if step_s > 0.0:
            read = decode.read_bytes(self.shape, self.writing)
            read += self.shape.kv_bytes_per_token * (self._context + self.writing * self._steps)
            did.traffic += busy_s * writes * min(1.0, read / self.rig.bandwidth_bytes_per_s / step_s)
        did.traffic += busy_s * (1.0 - writes) * _PREFILL_TRAFFIC

    def _first_token(self, request: Request, now_s: float) -> None:
        counters = self.counters
        if request.first_s != request.first_s:
            request.first_s = now_s
            counters.prompted += request.wanted
            counters.cached += request.known
            counters.ttft_s += now_s - request.arrived_s
            counters.ttft_count += 1
            self.on_first(request, now_s)
        request.heard_s = now_s
        request.where = "writing"
        request.written += 1.0
        counters.generated += 1.0
        request.begun = self._steps
        self.writing += 1
        self._context += request.prompt - self._steps
        heapq.heappush(self._ends, (self._steps + max(0.0, request.left), request.serial, request))
        self.line.watch(request)

    def _finish(self, now_s: float) -> None:
        ends = self._ends
        while ends and ends[0][0] <= self._steps + 1e-6:
            request = heapq.heappop(ends)[2]
            self._forget(request)
            request.written = float(request.output)
            self._end(request, "completed", now_s)

    def _make_room(self) -> None:
        """Push out who joined last until the others have room for another page each."""
        room = self.cache.room_tokens()
        while self.writing > 1 and self.used_tokens + self.writing > room:
            last = max((one for _, _, one in self._ends), key=lambda one: (one.slot_s, one.serial))
            self._leave_batch(last)
            self.counters.preempted += 1
            last.prompt = last.wanted + round(last.written)  # both are read again
            last.where = "line"
            self.line.join_first(last)

    def _leave_batch(self, request: Request) -> None:
        request.written += self._steps - request.begun
        self._forget(request)
        self._ends = [entry for entry in self._ends if entry[2] is not request]
        heapq.heapify(self._ends)

    def _forget(self, request: Request) -> None:
        self.writing -= 1
        self._context -= request.prompt - request.begun
        if not self.writing:
            self._context = 0.0
            self._steps = 0.0

    def _end(self, request: Request, how: End, now_s: float) -> None:
        request.over = True
        counters = self.counters
        if how == "completed":
            counters.finished += 1
            counters.e2e_s += now_s - request.arrived_s
            counters.e2e_count += 1
        else:
            counters.failed += 1
        if request.slot_s == request.slot_s:
            counters.queue_s += request.slot_s - request.arrived_s
            counters.queue_count += 1
        self.on_end(request, how, now_s)
