"""From the collectors' last readings to one sample: a pure function of them and of the time."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, TypeVar

from producers.node import checks
from producers.node.progress import Reading, View
from producers.node.slow import Slow
from schemas.events.node_sample import (
    AgentSample,
    GpuSample,
    HostSample,
    LoadedModel,
    NodeSample,
    RuntimeSample,
    Suspect,
)

Record = TypeVar("Record")

# A reading that is older is none: it says nothing of now. Longer for what is read seldom.
STALE_S = 10.0
STALE_PERIODS = 3


class Head(NamedTuple):
    """Which sample it is; ``occurred_at`` µs since the epoch."""

    node_id: str
    fleet: str
    boot_id: str
    occurred_at: int
    seq: int


def assemble(head: Head, agent: AgentSample, views: Sequence[View], slow: Slow, now_s: float) -> NodeSample:
    """Return the sample of monotonic second ``now_s``; every block carries the age of its readings."""
    host, suspects = checks.host(_host(views, now_s))
    gpus, gpu_suspects = _screened(_gpus(views, now_s), checks.gpu)
    runtimes, runtime_suspects = _screened(_runtimes(views, now_s), checks.runtime)
    health, health_suspects = _screened(slow.gpu_health, checks.health)
    sensors, sensor_suspects = _screened(slow.temperatures, checks.temperature)
    return NodeSample(
        node_id=head.node_id,
        fleet=head.fleet,
        boot_id=head.boot_id,
        occurred_at=head.occurred_at,
        seq=head.seq,
        spooled=False,
        agent=agent,
        host=host,
        gpus=gpus,
        runtimes=runtimes,
        gpu_health=health,
        temperatures=sensors,
        collectors=slow.collectors,
        suspects=(*suspects, *gpu_suspects, *runtime_suspects, *health_suspects, *sensor_suspects),
    )


def stale(view: View, age_s: float) -> bool:
    """Return whether a reading of this age says nothing any more."""
    return age_s > max(STALE_S, STALE_PERIODS * view.period_s)


def _readings(views: Sequence[View], now_s: float) -> Iterator[tuple[View, Reading, float]]:
    for view in views:
        if view.reading is not None:
            yield view, view.reading, max(0.0, now_s - view.reading.taken_s)


def _host(views: Sequence[View], now_s: float) -> HostSample:
    merged: dict[str, float | str | tuple[float, ...]] = {}
    oldest_s = float("nan")
    for view, reading, age_s in _readings(views, now_s):
        if reading.facts.host and not stale(view, age_s):
            merged.update(reading.facts.host)
            oldest_s = age_s if not age_s <= oldest_s else oldest_s
    return HostSample(**merged, age_s=oldest_s)  # type: ignore[arg-type]  # names and types are the sources'


def _gpus(views: Sequence[View], now_s: float) -> Iterator[GpuSample]:
    for view, reading, age_s in _readings(views, now_s):
        for gpu in reading.facts.gpus:
            if stale(view, age_s):
                yield GpuSample(gpu.gpu_id, "error", age_s=gpu.age_s + age_s)
            else:
                yield gpu._replace(age_s=gpu.age_s + age_s)


def _runtimes(views: Sequence[View], now_s: float) -> Iterator[RuntimeSample]:
    for view, reading, age_s in _readings(views, now_s):
        for runtime in reading.facts.runtimes:
            if stale(view, age_s):
                yield RuntimeSample(runtime.runtime_id, runtime.kind, "error", age_s=runtime.age_s + age_s)
            else:
                yield runtime._replace(
                    age_s=runtime.age_s + age_s,
                    last_activity_age_s=runtime.last_activity_age_s + age_s,
                    probe_age_s=runtime.probe_age_s + age_s,
                    models=tuple(_later(model, age_s) for model in runtime.models),
                )


def _later(model: LoadedModel, age_s: float) -> LoadedModel:
    return model._replace(expires_in_s=model.expires_in_s - age_s)


def _screened(
    records: Iterable[Record], check: Callable[[Record], tuple[Record, tuple[Suspect, ...]]]
) -> tuple[tuple[Record, ...], tuple[Suspect, ...]]:
    checked = [check(record) for record in records]
    suspects = tuple(suspect for _, found in checked for suspect in found)
    return tuple(record for record, _ in checked), suspects
