"""The baselines that ``penstock baselines`` would tell, from the summaries of a run instead of ClickHouse.

The same rules: panes in which a node was serving, by model and band of load; means of the last day and of the
six days before it; told two minutes after each full hour.
"""

from collections import defaultdict
from collections.abc import Iterator

from processors.chain import Record
from producers.baselines.job import SETTLE_S
from producers.baselines.question import DAY_US, SERVING_SHARE, WEEK_US, facts
from schemas.events.node_summary import NodeSummary
from schemas.events.reading import known
from schemas.topics import SUMMARIES

HOUR_US = 3600 * 1_000_000
SETTLE_US = round(SETTLE_S * 1e6)

# Of an hour: how many panes, and the sum of their WES.
_Hours = dict[int, tuple[int, float]]


class Baselines:
    """Takes summaries, and tells baselines when their hour has passed."""

    def __init__(self) -> None:
        self._hours: dict[tuple[str, str], dict[tuple[str, str], _Hours]] = defaultdict(dict)
        self._next_at = 0

    def take(self, record: Record) -> None:
        """Take a record; what is no summary of a pane with work in it is passed over."""
        event = record.event
        if not isinstance(event, NodeSummary) or not event.samples or not event.model:
            return
        if event.live < SERVING_SHARE * event.samples or not known(event.wes):
            return
        hours = self._hours[event.fleet, event.node_id].setdefault((event.model, event.load), {})
        # A pane belongs to the hour that it ends in; the end of the hour included.
        hour = (event.occurred_at - 1) // HOUR_US
        count, total = hours.get(hour, (0, 0.0))
        hours[hour] = (count + 1, total + event.wes)

    def due(self, now: int) -> Iterator[Record]:
        """Yield the baselines of every hour that has settled at ``now``, µs since the epoch."""
        if not self._next_at:
            self._next_at = now // HOUR_US * HOUR_US + HOUR_US
        while now >= self._next_at + SETTLE_US:
            at, self._next_at = self._next_at, self._next_at + HOUR_US
            for fleet, node_id in sorted(self._hours):
                rows = self._rows(fleet, node_id, at)
                for event in facts(fleet, node_id, at, rows):
                    yield Record(SUMMARIES, 0, fleet, event, at + SETTLE_US)

    def _rows(self, fleet: str, node_id: str, at: int) -> Iterator[dict[str, object]]:
        for (model, load), hours in sorted(self._hours[fleet, node_id].items()):
            day = _sum(hours, at - DAY_US, at)
            before = _sum(hours, at - WEEK_US, at - DAY_US)
            if day[0] + before[0]:
                yield {
                    "model": model,
                    "load": load,
                    "day_panes": day[0],
                    "day_wes": _mean(day),
                    "week_panes": before[0],
                    "week_wes": _mean(before),
                }


def _sum(hours: _Hours, after: int, until: int) -> tuple[int, float]:
    found = [part for hour, part in hours.items() if after // HOUR_US <= hour < until // HOUR_US]
    return sum(count for count, _ in found), sum(total for _, total in found)


def _mean(part: tuple[int, float]) -> float | None:
    return part[1] / part[0] if part[0] else None
