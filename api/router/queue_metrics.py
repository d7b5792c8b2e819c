"""The queue as Prometheus gauges, when Prometheus asks. Labels are pools, and models that upstreams serve."""

import time
from collections.abc import Callable, Iterable

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from api.router.queue.capacity import UNBOUNDED
from api.router.queue.core import Queue
from api.router.queue.ticket import State


class QueueCollector(Collector):
    """Looks at one queue."""

    def __init__(self, queue: Queue, clock: Callable[[], float] = time.monotonic) -> None:
        self._queue = queue
        self._clock = clock

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Yield what waits and what is taken."""
        waiting = _family("requests_waiting", "Requests in the queue, by model.", "model")
        running = _family("requests_running", "Requests that left the queue and go on, by model.", "model")
        taken = _family(
            "places_used_ratio",
            "Places taken of those that the upstreams have, by model; above 1 where they became fewer.",
            "model",
        )
        for name, model in sorted(self._queue.models.items()):
            capacity = model.capacity
            if capacity.places:
                waiting.add_metric((name,), model.waiting)
                running.add_metric((name,), capacity.in_flight)
            if 0 < capacity.slots < UNBOUNDED:
                taken.add_metric((name,), capacity.in_flight / capacity.slots)
        yield from (waiting, running, taken)
        yield self._pools()
        yield self._oldest()

    def _pools(self) -> GaugeMetricFamily:
        family = _family("pool_used_ratio", "Costs in flight of the budget, by pool that has one.", "pool")
        for name, pool in sorted(self._queue.pools.items()):
            if pool.budget is not None:
                family.add_metric((name,), pool.used / pool.budget)
        return family

    def _oldest(self) -> GaugeMetricFamily:
        tickets = self._queue.tickets.values()
        entered = next((ticket.entered for ticket in tickets if ticket.state is State.WAITING), None)
        family = _family(
            "queue_oldest_seconds", "How long the oldest request in the queue has waited; 0: none."
        )
        family.add_metric((), 0.0 if entered is None else self._clock() - entered)
        return family


def _family(name: str, text: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"penstock_router_{name}", text, labels=labels)
