"""Speed and WES per model: a model's share of the node's power follows its share of the work."""

from collections.abc import Sequence
from math import fsum

from processors.node import activity, wes
from processors.node.state import ModelPoints, Point, RuntimeSpeed
from schemas.events.node_sample import LoadedModel, RuntimeSample
from schemas.events.node_state import ModelState
from schemas.events.reading import NAN, known

# As long as readings are smoothed: an older speed says nothing about now.
HELD_US = 10_000_000


def runtime_speeds(
    runtimes: Sequence[RuntimeSample], before: tuple[RuntimeSpeed, ...], occurred_at: int
) -> tuple[tuple[float, ...], tuple[RuntimeSpeed, ...]]:
    """Return each runtime's tokens a second, and what is to be remembered of them.

    The speed of a runtime's last interval holds until it is read again, while it has requests in progress.
    """
    known_before = {each.runtime_id: each for each in before}
    speeds: list[float] = []
    memory: list[RuntimeSpeed] = []
    for runtime in runtimes:
        speed = activity.tokens_per_second(runtime)
        last = known_before.get(runtime.runtime_id)
        if known(speed):
            memory.append(RuntimeSpeed(runtime.runtime_id, occurred_at, speed))
        elif last is not None and activity.without_news(runtime):
            if abs(occurred_at - last.occurred_at) <= HELD_US:
                speed = last.tokens_per_second
            memory.append(last)
        speeds.append(speed)
    return tuple(speeds), tuple(memory)


def model_speeds(runtime: RuntimeSample, speed: float) -> list[float]:
    """Return tokens a second of each loaded model. ``speed`` is the runtime's, all of it a single model's.

    NaN: the model is idle, or the runtime counts no tokens per model.
    """
    if len(runtime.models) == 1:
        return [speed]
    if not known(speed):
        return [NAN] * len(runtime.models)
    return [
        model.generation_tokens / runtime.interval_s if model.generation_tokens > 0 else NAN
        for model in runtime.models
    ]


def power_shares(models: list[LoadedModel], speeds: list[float]) -> list[float]:
    """Return each model's share of the power: by tokens where counted, else by accelerator memory."""
    counted = [speed if known(speed) else 0.0 for speed in speeds]
    if any(counted) or len(models) == 1:
        return _shares(counted) if any(counted) else [1.0]
    return _shares([max(0.0, model.vram_bytes) if known(model.vram_bytes) else 0.0 for model in models])


def remember(before: tuple[ModelPoints, ...], runtime_id: str, name: str, point: Point) -> ModelPoints:
    """Return a model's points with one more."""
    found = next((old for old in before if old.runtime_id == runtime_id and old.name == name), None)
    return ModelPoints(runtime_id, name, wes.smooth(found.points if found else (), point))


def model_state(
    points: ModelPoints, model: LoadedModel, share: float, pue: float, penalty: float
) -> ModelState:
    """Return what is known of a model after its newest point."""
    speed = mean_speed(points.points)
    watts = wes.mean([point.power_w for point in points.points])
    return ModelState(
        points.name,
        points.runtime_id,
        speed,
        share,
        wes.wes(speed, watts, pue, penalty),
        model.vram_bytes,
        model.context_length,
    )


def mean_speed(points: tuple[Point, ...]) -> float:
    """Return the smoothed tokens a second; NaN if the newest reading shows none: speed is activity."""
    if not points or not known(points[-1].tokens_per_second):
        return NAN
    return wes.mean([point.tokens_per_second for point in points])


def _shares(weights: list[float]) -> list[float]:
    whole = fsum(weights)
    return [weight / whole for weight in weights] if whole > 0 else [NAN] * len(weights)
