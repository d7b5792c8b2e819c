"""Windows of every kind, for properties that hold for all patterns: plausible ones and nonsense."""

from collections.abc import Callable
from typing import Any, NamedTuple

from hypothesis import strategies as st

from processors.windows.requests import RequestSlot
from processors.windows.slot import Slot
from processors.windows.window import PANE_S, PANE_US, Window
from schemas.events.node_pane import Histogram, Statistic
from schemas.events.reading import NAN
from tests.samples import T0
from tests.slots import (
    gpu_slot,
    health_slot,
    model_slot,
    request_slot,
    runtime_slot,
    slot,
    statistic,
    suspect_slot,
)

# What a reading may be: shares, counts, degrees, watts, bytes, what cannot be, and none.
VALUES = st.sampled_from(
    [NAN, NAN, 0.0, 0.0, 0.01, 0.2, 0.5, 0.75, 0.9, 1.0, 1.3, 2.0, 3.0, 8.0, 16.0, 30.0, 64.0, 84.0, 95.0,
     110.0, 400.0, 1500.0, 9e9, 79e9, 2e11, -1.0, -40.0, 1e-9, 1e18]
)  # fmt: skip
# How it changes over the window: the value from a place on, before it, in turns, growing, or throughout.
SHAPES = st.sampled_from(["throughout", "from", "before", "turns", "ramp", "once"])
NAMES = ("gpu", "runtime", "model", "health", "slot", "request")
BUILDERS: dict[str, Callable[..., Any]] = {
    "gpu": gpu_slot,
    "runtime": runtime_slot,
    "model": model_slot,
    "health": health_slot,
    "slot": slot,
    "request": request_slot,
}
_NOT_READINGS = {"started_at", "part", "revision"}


def _readings(kind: str) -> list[str]:
    made = BUILDERS[kind]()
    return [
        name
        for name, value in zip(made._fields, made, strict=True)
        if (isinstance(value, float | int | Statistic) and not isinstance(value, bool))
        and name not in _NOT_READINGS
    ]


READINGS = {kind: _readings(kind) for kind in NAMES}


class Change(NamedTuple):
    """What happens to a reading; ``which`` is of the records of its kind, -1 all of them."""

    kind: str
    reading: str
    value: float
    shape: str
    place: int
    which: int

    def at(self, index: int, usual: float) -> float:
        """Return the reading in the ``index``-th pane."""
        if self.shape == "ramp":
            return self.value * index / 10.0
        holds = {
            "throughout": True,
            "from": index >= self.place,
            "before": index < self.place,
            "turns": index % 2 == 0,
            "once": index == self.place,
        }[self.shape]
        return self.value if holds else usual


def _change(kind: str) -> st.SearchStrategy[Change]:
    return st.builds(
        Change, st.just(kind), st.sampled_from(READINGS[kind]), VALUES, SHAPES, st.integers(0, 60),
        st.integers(-1, 1),
    )  # fmt: skip


class Fleet(NamedTuple):
    """What a window is made of."""

    gpus: int
    runtimes: tuple[str, ...]
    models: int
    healthy: bool
    whole: bool
    suspect: str
    boots: bool
    requests: int
    gaps: frozenset[int]
    changes: tuple[Change, ...]

    def window(self, seconds: int, *, backwards: bool = False) -> Window:
        """Return a window; ``backwards`` puts the records of every pane in the opposite order."""
        places = seconds // PANE_S
        slots = [self._slot(index, backwards) for index in range(places) if index not in self.gaps]
        parts = [self._request(index) for index in range(places) for _ in range(self.requests)]
        return Window(slots, parts, T0 + places * PANE_US, seconds)

    def _slot(self, index: int, backwards: bool) -> Slot:
        step = -1 if backwards else 1
        gpus = [
            gpu_slot(f"GPU-{n}", whole=self.whole or n == 0, **self._changed("gpu", n, index))
            for n in range(self.gpus)
        ]
        runtimes = [
            runtime_slot(name, **self._changed("runtime", n, index)) for n, name in enumerate(self.runtimes)
        ]
        models = [
            model_slot(f"model-{n}", runtime_id=self.runtimes[n % len(self.runtimes)],
                       **self._changed("model", n, index))
            for n in range(self.models if self.runtimes else 0)
        ]  # fmt: skip
        health = [
            health_slot(f"GPU-{n}", **self._changed("health", n, index))
            for n in range(self.gpus if self.healthy else 0)
        ]
        return slot(
            index,
            boot_id="boot-b" if self.boots and index > 7 else "boot-a",
            gpus=tuple(gpus[::step]),
            runtimes=tuple(runtimes[::step]),
            models=tuple(models[::step]),
            health=tuple(health[::step]),
            suspects=(suspect_slot("host.cpu_power_w", self.suspect),) if self.suspect else (),
            **self._changed("slot", 0, index),
        )

    def _request(self, index: int) -> RequestSlot:
        counts = (4,) if index % 3 else (1,)
        return request_slot(index, ttft=Histogram(0, (8,), counts), **self._changed("request", 0, index))

    def _changed(self, kind: str, which: int, index: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for change in self.changes:
            if change.kind == kind and change.which in (-1, which):
                usual = getattr(BUILDERS[kind](), change.reading)
                if isinstance(usual, Statistic):
                    found[change.reading] = statistic(change.at(index, usual.mean), spread=change.place)
                else:
                    found[change.reading] = change.at(index, usual)
        return found


FLEETS = st.builds(
    Fleet,
    st.integers(0, 2),
    st.sampled_from([(), ("vllm:8000",), ("ollama:11434",), ("llamacpp:8080", "sglang:30000")]),
    st.integers(0, 2),
    st.booleans(),
    st.booleans(),
    st.sampled_from(["", "frozen", "negative"]),
    st.booleans(),
    st.integers(0, 2),
    st.frozensets(st.integers(0, 59), max_size=20),
    st.lists(st.sampled_from(NAMES).flatmap(_change), max_size=8).map(tuple),
)


def nothing_known() -> Fleet:
    """Two accelerators, two runtimes, two models, and not one reading."""
    changes = tuple(
        Change(kind, reading, NAN, "throughout", 0, -1) for kind in NAMES for reading in READINGS[kind]
    )
    return Fleet(2, ("vllm:8000", "ollama:11434"), 2, True, True, "", False, 0, frozenset(), changes)
