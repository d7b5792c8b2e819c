"""Windows of requests: ten-second panes of one model at one node, added up, and what rules read of them."""

from collections.abc import Callable, Iterable
from functools import cache
from typing import NamedTuple

from processors.panes.histogram import EMPTY, merge, quantile
from processors.rules.rule import Rule
from schemas.events.node_pane import Histogram
from schemas.events.reading import NAN
from schemas.events.request_pane import RequestPane

SECOND_US = 1_000_000
PANE_US = 10 * SECOND_US
FAILED = (
    *("upstream_error", "upstream_died", "timed_out_queued"),
    *("rejected_unhealthy", "rejected_unadmittable", "router_stopped"),
)
ABANDONED = ("client_abandoned", "abandoned_queued", "cancelled_queued")
OTHERS = ("completed", "rejected_oversized", "rejected_invalid")


class Slot(NamedTuple):
    """Ten seconds of requests, of all parts that came: counts are whole, so their order does not matter."""

    started_at: int
    finished: float = 0.0
    failed: float = 0.0
    abandoned: float = 0.0
    open: float = 0.0
    tokens: float = 0.0
    ttft: Histogram = EMPTY
    total: Histogram = EMPTY
    queue_wait: Histogram = EMPTY
    inter_token: Histogram = EMPTY

    @property
    def key(self) -> int:
        """Return what orders slots."""
        return self.started_at


class WindowReading(NamedTuple):
    """A field over a window."""

    field: str
    window_us: int

    @property
    def key(self) -> str:
        """Return the reading as a text, for the state's bytes."""
        return f"{self.field}|{self.window_us // SECOND_US}"


class Span(NamedTuple):
    """The slots of a subject, where a window ends, exclusive, and since when the subject is known."""

    slots: tuple[Slot, ...]
    until: int
    since: int

    def last(self, window_us: int) -> list[Slot]:
        """Return the slots of the window of that length."""
        return [slot for slot in self.slots if self.until - window_us <= slot.started_at < self.until]


Read = Callable[[Span], float]


def with_part(slots: tuple[Slot, ...], pane: RequestPane) -> tuple[Slot, ...]:
    """Return the slots with one part of a pane added; a later part may take back what one before it said."""
    found = {slot.started_at: slot for slot in slots}
    before = found.get(pane.started_at, Slot(pane.started_at))
    found[pane.started_at] = Slot(
        pane.started_at,
        before.finished + _sum(pane, (*FAILED, *ABANDONED, *OTHERS)),
        before.failed + _sum(pane, FAILED),
        before.abandoned + _sum(pane, ABANDONED),
        before.open + pane.open,
        before.tokens + (pane.completion_tokens if pane.completion_tokens == pane.completion_tokens else 0.0),
        merge((before.ttft, pane.ttft)),
        merge((before.total, pane.total)),
        merge((before.queue_wait, pane.queue_wait)),
        merge((before.inter_token, pane.inter_token)),
    )
    return tuple(sorted(found.values(), key=lambda slot: slot.started_at))


def reading_of(rule: Rule) -> WindowReading:
    """Return what a rule reads."""
    return WindowReading(rule.field, rule.window_us)


@cache
def reader(reading: WindowReading) -> Read:
    """Return a function from a span to the value; NaN: no request says."""
    field, window_us = reading
    if field.endswith("_ms"):
        name, _, percent = field.removesuffix("_ms").rpartition("_p")
        return _quantile_of(name, int(percent) / 100, window_us)
    return lambda span: _RATES[field](span.last(window_us), span, window_us)


def _quantile_of(name: str, share: float, window_us: int) -> Read:
    place = Slot._fields.index(name)
    return lambda span: quantile(merge(slot[place] for slot in span.last(window_us)), share) * 1000.0  # type: ignore[misc]


def _share(part: float, whole: float) -> float:
    return part / whole if whole else NAN


def _rate(count: float, span: Span, window_us: int) -> float:
    """Return how many a second: nothing can be said before a whole window is known."""
    return count / (window_us / SECOND_US) if span.since <= span.until - window_us else NAN


def _open(slots: Iterable[Slot], span: Span, window_us: int) -> float:
    del window_us
    return sum(slot.open for slot in slots if slot.started_at == span.until - PANE_US)


_RATES: dict[str, Callable[[list[Slot], Span, int], float]] = {
    "error_rate": lambda slots, _span, _us: _share(_all(slots, "failed"), _all(slots, "finished")),
    "abandoned_rate": lambda slots, _span, _us: _share(_all(slots, "abandoned"), _all(slots, "finished")),
    "requests_per_s": lambda slots, span, us: _rate(_all(slots, "finished"), span, us),
    "tokens_per_s": lambda slots, span, us: _rate(_all(slots, "tokens"), span, us),
    "open_requests": _open,
}


def _all(slots: Iterable[Slot], name: str) -> float:
    return float(sum(getattr(slot, name) for slot in slots))


def _sum(pane: RequestPane, names: Iterable[str]) -> float:
    return float(sum(getattr(pane, name) for name in names))
