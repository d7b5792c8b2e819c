"""What a node was doing in each pane: which model, under how much load."""

from collections.abc import Iterator
from math import fsum
from typing import NamedTuple

from processors.windows.slot import Slot
from processors.windows.window import PANE_US, Window
from schemas.events.reading import NAN

# A pane is of serving, and of nothing else, from this share of its samples on.
STEADY = 0.9
# One model's tokens are the node's when they are this share of all.
DOMINANT = 0.9
RESTING_S = 60


class Worked(NamedTuple):
    """One pane of steady serving. ``prompt_share`` is of all tokens, NaN where they are not counted."""

    ended_at: int
    model: str
    running: float
    wes: float
    prompt_share: float
    slot: Slot


def resting(window: Window) -> bool:
    """Return whether the node has had nothing to do for a minute: what it served before is over."""
    newest = window.last(RESTING_S).slots if window.seconds > RESTING_S else window.slots
    return bool(newest) and all(slot.idle >= 1.0 for slot in newest)


def running(slot: Slot) -> float:
    """Return requests in progress, over all runtimes; NaN where none tells."""
    known = [one.requests_running for one in slot.runtimes if one.requests_running == one.requests_running]
    return fsum(known) if known else NAN


def model_of(slot: Slot) -> str:
    """Return the model that did nearly all of the work, or is alone; empty where there is none."""
    models = slot.models
    if len(models) == 1:
        return models[0].name
    tokens = [(model.generation_tokens, model.name) for model in models if model.generation_tokens > 0]
    total = fsum(count for count, _ in tokens)
    return next((name for count, name in tokens if count >= DOMINANT * total), "")


def worked(window: Window) -> Iterator[Worked]:
    """Give the panes in which the node served one model all the time, and how efficiently it did."""
    for slot in window.slots:
        if slot.live < STEADY or not slot.wes.n:
            continue
        load = running(slot)
        model = model_of(slot) if load > 0 else ""
        if not model:
            continue
        if slot.wes.mean > 0.0:
            yield Worked(slot.started_at + PANE_US, model, load, slot.wes.mean, _prompt_share(slot), slot)


def _prompt_share(slot: Slot) -> float:
    """Return the share of tokens that were read rather than written; NaN where they are not counted."""
    read = fsum(one.prompt_tokens for one in slot.runtimes if one.prompt_tokens > 0)
    wrote = fsum(one.generation_tokens for one in slot.runtimes if one.generation_tokens > 0)
    return read / (read + wrote) if read + wrote > 0 else NAN
