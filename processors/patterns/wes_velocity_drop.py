"""Efficiency falling, at the same model and the same load."""

from dataclasses import dataclass
from math import exp, log
from statistics import median

from processors.patterns.pattern import UNKNOWN, Judgement, Pattern, compared, measured
from processors.patterns.thresholds import Thresholds, threshold
from processors.windows.serving import resting, worked
from processors.windows.slot import Slot
from processors.windows.trend import Trend, trend
from processors.windows.window import PANE_US, Window, mean, mean_known
from schemas.events.reading import known

_MINUTE = 6


@dataclass(frozen=True, slots=True)
class WesVelocityDrop(Thresholds):
    """Thresholds of wes_velocity_drop."""

    fall_per_minute_min: float = threshold(
        0.01, 0.001, 0.5, "1/min", doc="share of WES lost each minute, the load held fixed"
    )
    fall_min: float = threshold(0.1, 0.01, 0.9, doc="share lost over the panes compared")
    comparable_min: float = threshold(
        0.6, 0.3, 1.0, doc="share of the window's panes that served one model at one load all the time"
    )
    load_within: float = threshold(
        1.5, 1.05, 8.0, doc="factor around the requests in progress of the last minute that is the same load"
    )
    prompts_within: float = threshold(
        0.2, 0.02, 1.0, doc="difference of the share of prompts in all tokens that is the same load"
    )
    hot_share_max: float = threshold(
        0.5, 0.0, 1.0, doc="share of the last minute with a hot accelerator: more is thermal_drain's"
    )
    signal_min: float = threshold(6.0, 2.0, 50.0, doc="times its own standard error that the fall must be")


def judge(window: Window, limits: WesVelocityDrop) -> Judgement:
    """WES falls steadily though model and load are the same."""
    panes = worked(window)
    needed = limits.comparable_min * window.places
    if len(panes) < needed:
        return Judgement(False) if resting(window) else UNKNOWN
    plain = _plain_fall(panes)
    if plain < 0.5 * limits.fall_min:
        return Judgement(False, (compared("fall", plain, ">=", limits.fall_min),))
    panes = _comparable(panes, limits)
    if len(panes) < needed:
        return UNKNOWN
    found = _at_one_load(panes)
    if not known(found.per_minute):
        return UNKNOWN
    per_minute = 1.0 - exp(found.per_minute)
    fall = 1.0 - exp(found.per_minute * found.minutes)
    evidence = (
        compared(
            "fall_per_minute",
            per_minute,
            ">=",
            limits.fall_per_minute_min,
            "1/min",
            subject=panes[-1].work.model,
        ),
        compared("fall", fall, ">=", limits.fall_min),
        compared("signal", found.signal, ">=", limits.signal_min),
        measured("wes", panes[-1].wes.mean, "tok/J"),
        measured("requests_running", mean([pane.work.running for pane in panes])),
    )
    hot = mean_known(slot.hot for slot in window.last(60).slots)
    steep = per_minute >= limits.fall_per_minute_min and fall >= limits.fall_min
    if not steep or found.signal < limits.signal_min or hot > limits.hot_share_max:
        return Judgement(False, evidence)
    text = (
        f"WES fell by {fall:.0%} in {found.minutes:.0f} minutes at the same load, "
        f"halving every {log(2.0) / -found.per_minute:.0f} minutes"
    )
    return Judgement(True, evidence, "warning", _confidence(found, limits), (panes[-1].work.model,), text)


def _comparable(panes: list[Slot], limits: WesVelocityDrop) -> list[Slot]:
    """Return the panes with the model and about the load of the last minute."""
    newest = panes[-_MINUTE:]
    running = median(pane.work.running for pane in newest)
    prompts = mean_known(pane.work.prompt_share for pane in newest)
    most, away = limits.load_within, limits.prompts_within
    return [
        pane
        for pane in panes
        if pane.work.model == newest[-1].work.model
        and running / most <= pane.work.running <= running * most
        and not abs(pane.work.prompt_share - prompts) > away
    ]


def _plain_fall(panes: list[Slot]) -> float:
    """Return the share lost from the first to the last third: what cannot be seen need not be explained."""
    third = max(1, len(panes) // 3)
    early = mean([pane.wes.mean for pane in panes[:third]])
    late = mean([pane.wes.mean for pane in panes[-third:]])
    return (early - late) / early


def _at_one_load(panes: list[Slot]) -> Trend:
    """Return the trend of the logarithm of WES, batch and share of prompts held fixed."""
    besides = [[log(pane.work.running) for pane in panes]]
    if all(known(pane.work.prompt_share) for pane in panes):
        besides.append([pane.work.prompt_share for pane in panes])
    at = [pane.started_at + PANE_US for pane in panes]
    return trend(at, [log(pane.wes.mean) for pane in panes], besides=besides)


def _confidence(found: Trend, limits: WesVelocityDrop) -> float:
    return min(1.0, 0.5 * found.signal / limits.signal_min)


PATTERN = Pattern(
    id="wes_velocity_drop",
    title="Efficiency is falling",
    about="WES, tokens a joule, falls from pane to pane while model and load stay as they were.",
    window_s=600,
    min_coverage=0.7,
    for_s=30,
    clear_s=120,
    hints={"warning": "monitor"},
    action="check_thermal_zone",
    recommendation=(
        "Look at temperatures, clocks and power limits of the accelerators, and for other programs on them; "
        "the speed itself will follow."
    ),
    thresholds=WesVelocityDrop,
    judge=judge,
    departs=(
        "The slope is relative, so that nodes of any efficiency can show it (an absolute 0.5 a minute is out "
        "of reach below a WES of 5), and it is judged at one model and load, what is left of both held "
        "fixed: fewer requests in a batch cost efficiency and are no fault. It must also stand out from its "
        "scatter."
    ),
)
