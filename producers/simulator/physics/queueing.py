"""Requests that wait: first come, first served, each as long as its client's patience."""

import heapq
import math
from collections import deque
from collections.abc import Iterator
from typing import Literal

Where = Literal["line", "reading", "writing"]


class Request:
    """One request in a runtime. Times are seconds of the scenario; ``left`` tokens are yet to be written.

    ``prompt`` are the tokens to read, those that a preempted request had written included; ``known`` of them
    are cached. ``slot_s`` is when it first got into the batch, ``heard_s`` when its client heard last.
    """

    __slots__ = (
        "arrived_s", "begun", "client", "first_s", "heard_s", "known", "model", "output", "over",
        "patience_s", "prompt", "read", "serial", "slot_s", "stream", "wanted", "where", "written",
    )  # fmt: skip

    def __init__(
        self,
        serial: int,
        model: str,
        arrived_s: float,
        prompt: int,
        output: int,
        *,
        known: int = 0,
        patience_s: float = math.inf,
        stream: int = -1,
        client: int = -1,
    ) -> None:
        self.serial = serial
        self.model = model
        self.arrived_s = arrived_s
        self.prompt = self.wanted = prompt
        self.output = output
        self.known = known
        self.patience_s = patience_s
        self.stream = stream
        self.client = client
        self.read = 0.0
        self.written = 0.0
        self.begun = 0.0  # the batch's count of steps when this one joined
        self.slot_s = self.first_s = math.nan
        self.heard_s = arrived_s
        self.where: Where = "line"
        self.over = False

    @property
    def left(self) -> float:
        """Tokens yet to be written."""
        return self.output - self.written


class WaitingLine:
    """Requests in the order of their arrival. One that is over is dropped when it is seen."""

    __slots__ = ("_deadlines", "_line", "waiting")

    def __init__(self) -> None:
        self._line: deque[Request] = deque()
        self._deadlines: list[tuple[float, int, Request]] = []
        self.waiting = 0

    def join(self, request: Request) -> None:
        """Stand at the end."""
        self._line.append(request)
        self.waiting += 1

    def join_first(self, request: Request) -> None:
        """Stand at the front, as one that was pushed out of the batch does."""
        self._line.appendleft(request)
        self.waiting += 1

    def watch(self, request: Request) -> None:
        """Remember when its client loses patience, if it does."""
        if request.patience_s < math.inf:
            deadline_s = request.heard_s + request.patience_s
            heapq.heappush(self._deadlines, (deadline_s, request.serial, request))

    def first(self) -> Request | None:
        """Return who is next."""
        line = self._line
        while line and line[0].over:
            line.popleft()
        return line[0] if line else None

    def take(self) -> Request:
        """Take who is next, whom ``first`` has just told."""
        self.waiting -= 1
        return self._line.popleft()

    def leave(self, request: Request) -> None:
        """Forget one that is over."""
        self.waiting -= 1
        if not self.waiting:
            self._line.clear()

    def next_deadline_s(self) -> float:
        """Return when the next client may lose its patience; infinite if none will."""
        return self._deadlines[0][0] if self._deadlines else math.inf

    def impatient(self, now_s: float) -> Iterator[Request]:
        """Give those whose client has heard nothing for as long as it would wait."""
        deadlines = self._deadlines
        while deadlines and deadlines[0][0] <= now_s:
            _, _, request = heapq.heappop(deadlines)
            if request.over:
                continue
            if request.heard_s + request.patience_s <= now_s + 1e-9:
                yield request
            else:
                self.watch(request)

    def all(self) -> list[Request]:
        """Return everyone who waits."""
        return [request for request in self._line if not request.over]

    def clear(self) -> None:
        """Send everyone away."""
        self._line.clear()
        self._deadlines.clear()
        self.waiting = 0
