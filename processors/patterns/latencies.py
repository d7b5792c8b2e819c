"""How long requests took, pane by pane: by the runtimes' own sums, else as routers saw them."""

from collections.abc import Sequence
from math import fsum
from typing import NamedTuple

from processors.windows.requests import RequestSlot
from processors.windows.window import PANE_US, Window, mean_known
from schemas.events.reading import NAN

# Share of the requests of a pane that must have been answered for their times to tell how fast the node is.
ANSWERED = 0.9


class Point(NamedTuple):
    """Requests of one pane: the sum of their seconds, how many, and tokens written (NaN: unknown)."""

    ended_at: int
    seconds: float
    requests: float
    tokens: float = NAN


def first_tokens(window: Window) -> list[Point]:
    """Return times to the first token, where a pane has any."""
    found = [
        Point(slot.started_at + PANE_US, slot.work.ttft_sum_s, slot.work.ttft_count)
        for slot in window.slots
        if slot.work.ttft_count > 0
    ]
    if found or any(slot.work.ttft_count == 0 for slot in window.slots):
        return found
    return _of_routers(window.requests, "ttft_sum_s", "ttft_count")


def whole_requests(window: Window) -> list[Point]:
    """Return times of whole requests, where a pane has any, with the tokens written."""
    found = [
        Point(slot.started_at + PANE_US, slot.work.e2e_sum_s, slot.work.e2e_count, slot.work.tokens)
        for slot in window.slots
        if slot.work.e2e_count > 0
    ]
    if found or any(slot.work.e2e_count == 0 for slot in window.slots):
        return found
    return _of_routers(_answered(window.requests), "total_sum_s", "finished")


def mean_s(points: Sequence[Point]) -> float:
    """Return seconds a request, over all requests; NaN of none."""
    count = fsum(point.requests for point in points)
    return fsum(point.seconds for point in points) / count if count > 0 else NAN


def seconds_per_token(points: Sequence[Point]) -> float:
    """Return seconds of requests for each token written; NaN where tokens are not counted."""
    tokens = fsum(point.tokens for point in points)
    return fsum(point.seconds for point in points) / tokens if tokens > 0 else NAN


def factors(window: Window) -> str:
    """Return what may be the cause, as far as readings show it: in words, empty where nothing shows."""
    newest = window.last(min(window.seconds, 120))
    slots = [slot for points in newest.runtimes.values() for _, slot in points]
    said = []
    if mean_known(slot.kv_cache_ratio for slot in slots) > 0.75:
        said.append("cache nearly full")
    if mean_known(slot.requests_waiting for slot in slots) >= 2:
        said.append("requests waiting")
    if newest.mean("thermal_penalty") > 1.2:
        said.append("heat")
    if newest.mean("swap_out_bytes_per_s") > 2e6:
        said.append("swapping")
    return f"; also: {', '.join(said)}" if said else ""


def _answered(parts: Sequence[RequestSlot]) -> list[RequestSlot]:
    """Return the parts of the moments in which nearly all got their answer: errors come quickly."""
    ended: dict[int, tuple[float, float]] = {}
    for part in parts:
        completed, finished = ended.get(part.started_at, (0.0, 0.0))
        ended[part.started_at] = (completed + part.completed, finished + part.finished)
    well = {at for at, (completed, finished) in ended.items() if completed >= ANSWERED * finished}
    return [part for part in parts if part.started_at in well]


def _of_routers(requests: Sequence[RequestSlot], sum_name: str, count_name: str) -> list[Point]:
    parts: dict[int, list[RequestSlot]] = {}
    for part in requests:
        parts.setdefault(part.started_at + PANE_US, []).append(part)
    points = [
        Point(
            end,
            fsum(getattr(one, sum_name) for one in ones),
            fsum(getattr(one, count_name) for one in ones),
            fsum(one.completion_tokens for one in ones),
        )
        for end, ones in sorted(parts.items())
    ]
    return [point for point in points if point.requests > 0]
