"""How a collector does: its last reading, its status, and the counts of its next report."""

import threading
from dataclasses import dataclass
from typing import Literal, NamedTuple

from producers.node.source import Facts, SensorAbsent, SensorForbidden
from schemas.events.node_sample import CollectorReport
from schemas.events.reading import NAN

Status = Literal["starting", "ok", "timeout", "error", "absent", "forbidden"]
# A reason is for people; what a broken library says may be longer than that.
_REASON_CHARS = 300


class Reading(NamedTuple):
    """``taken_s``: monotonic seconds when the reading began, so that its age is never understated."""

    facts: Facts
    taken_s: float


@dataclass(frozen=True, slots=True)
class View:
    """A collector at one moment. ``reading`` is the last one, however old; none after absent or forbidden."""

    name: str
    period_s: float
    status: Status
    reason: str
    remedy: str
    reading: Reading | None


class Progress:
    """Written by the collector's own thread or task, read by the agent's; times are monotonic seconds."""

    def __init__(self, name: str, period_s: float, timeout_s: float) -> None:
        self.name = name
        self._period_s = period_s
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._reading: Reading | None = None
        self._status: Status = "starting"
        self._reason = self._remedy = ""
        self._began_s: float | None = None
        self._overdue = False
        self._last_success_s = self._duration_s = NAN
        self._successes = self._failures = self._timeouts = 0
        self.runs = 0

    def begin(self, now_s: float) -> None:
        """A run begins."""
        with self._lock:
            self._began_s, self._overdue = now_s, False

    def succeed(self, facts: Facts, now_s: float) -> None:
        """The run brought facts; if it was overdue it counts as a timeout all the same."""
        with self._lock:
            began_s = self._end(now_s)
            self._reading = Reading(facts, began_s)
            self._last_success_s = now_s
            if not self._overdue:
                self._successes += not facts.trouble
                self._failures += bool(facts.trouble)
            self._status = "error" if facts.trouble else "ok"
            self._reason, self._remedy = facts.trouble[:_REASON_CHARS], ""

    def fail(self, exc: BaseException, now_s: float) -> None:
        """The run brought none."""
        with self._lock:
            self._end(now_s)
            if isinstance(exc, TimeoutError):
                self._mark_overdue()
                return
            self._failures += not self._overdue
            self._reason, self._remedy = str(exc)[:_REASON_CHARS], getattr(exc, "remedy", "")
            if isinstance(exc, SensorAbsent | SensorForbidden):
                self._status = "absent" if isinstance(exc, SensorAbsent) else "forbidden"
                self._reading = None
            else:
                self._status = "error"
                self._reason = f"{type(exc).__name__}: {exc}"[:_REASON_CHARS]

    def view(self, now_s: float) -> View:
        """Return the collector as it is; a run that takes too long shows as a timeout while it lasts."""
        with self._lock:
            if self._began_s is not None and now_s - self._began_s > self._timeout_s:
                self._mark_overdue()
            return View(self.name, self._period_s, self._status, self._reason, self._remedy, self._reading)

    def report(self, now_s: float) -> CollectorReport:
        """Return the counts since the last report, and begin new ones."""
        with self._lock:
            report = CollectorReport(
                self.name,
                self._status,
                self._reason,
                now_s - self._last_success_s,
                self._duration_s if self._began_s is None else now_s - self._began_s,
                float(self._successes),
                float(self._failures),
                float(self._timeouts),
            )
            self._successes = self._failures = self._timeouts = 0
            return report

    def _end(self, now_s: float) -> float:
        assert self._began_s is not None
        began_s, self._began_s = self._began_s, None
        self._duration_s = now_s - began_s
        self.runs += 1
        return began_s

    def _mark_overdue(self) -> None:
        if not self._overdue:
            self._timeouts += 1
        self._overdue = True
        self._status, self._remedy = "timeout", ""
        self._reason = f"no answer within {self._timeout_s:g} s"
