"""Facts of a scenario, moved to the present, so that a running stack can take them.

A scenario has a time of its own; a live log stamps what arrives with the clock of its broker. So times are
moved by a constant, chosen so that no event lies in the future of its arrival:

    speed 1     event time  |=========================>  ends when the run does
                arrival     |=========================>  lag 0 all the way
    speed N     event time  |=========================>  begins (1 - 1/N) of its length in the past
                arrival                         |=====>  lag shrinks from there to 0

Runs of agents and requests get ids of this run: sent again, they would be taken for repetitions.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

from producers.simulator.fact import Fact
from schemas.codec import Event
from schemas.codec.catalog import EVENT_TYPES, latest
from schemas.events.node_sample import NodeSample
from schemas.ids import derived_id

_RENAMED = ("boot_id", "request_id", "router_id")
_EVENTS: Mapping[type, str] = {view: name for name, view in EVENT_TYPES.items()}


def shift_us(started_at: int, begin_us: int, duration_s: float, speed: float) -> int:
    """Return what to add to a scenario's times. ``begin_us``: now; ``speed`` infinite: all of it is past."""
    return begin_us - started_at - round(duration_s * (1 - 1 / speed) * 1e6)


class Present:
    """Moves facts. ``run`` makes this run one of a kind.

    ``spooled``: samples say that they waited, as they have where event time runs ahead of the clock. What
    waited is no measure of a clock, so nothing judges the node's clock by it.
    """

    def __init__(self, run: str, shift: int, *, spooled: bool) -> None:
        self._run = run
        self._shift = shift
        self._spooled = spooled
        self._names: dict[str, str] = {}

    def event(self, fact: Fact) -> tuple[str | None, Event]:
        """Return key and event as they are now."""
        event = fact.event
        kind: type = type(event)
        times, named = _fields(kind)
        changed: dict[str, Any] = {}
        for name in times:
            value = getattr(event, name)
            if value > 0:  # 0 is no time
                changed[name] = value + self._shift
        for name in named:
            changed[name] = self._renamed(getattr(event, name))
        if isinstance(event, NodeSample) and self._spooled:
            changed["spooled"] = True
        key = fact.key
        if key is not None and key == getattr(event, "request_id", None):
            key = changed["request_id"]
        return key, event._replace(**changed)

    def _renamed(self, name: str) -> str:
        if len(self._names) > 100_000:  # requests come and go
            self._names.clear()
        found = self._names.get(name)
        if found is None:
            found = self._names[name] = derived_id("simulated", self._run, name) if name else ""
        return found


@cache
def _fields(view: type) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the fields of an event that are times, as its schema says, and those that name a run."""
    fields = latest(_EVENTS[view]).schema["fields"]
    times = tuple(one["name"] for one in fields if _is_time(one["type"]))
    return times, tuple(one["name"] for one in fields if one["name"] in _RENAMED)


def _is_time(kind: Any) -> bool:  # noqa: ANN401 - a schema's type
    return isinstance(kind, dict) and kind.get("logicalType") == "timestamp-micros"
