"""A sensor that repeats a reading which cannot stand still."""

from dataclasses import dataclass

from processors.patterns.pattern import UNKNOWN, Judgement, Pattern, compared, measured
from processors.patterns.thresholds import Thresholds, threshold
from processors.windows.window import Window


@dataclass(frozen=True, slots=True)
class FrozenSensor(Thresholds):
    """Thresholds of frozen_sensor."""

    share_min: float = threshold(0.5, 0.1, 1.0, doc="share of a minute's samples in which it stood still")


def judge(window: Window, limits: FrozenSensor) -> Judgement:
    """The agent set a reading aside as frozen in most samples of the last minute, and in the newest pane."""
    if not window.slots:
        return UNKNOWN
    shares: dict[str, float] = {}
    values: dict[str, float] = {}
    for slot in window.slots:
        for suspect in slot.suspects:
            if suspect.why == "frozen":
                shares[suspect.reading] = shares.get(suspect.reading, 0.0) + suspect.share
                values[suspect.reading] = suspect.value
    newest = {one.reading for one in window.slots[-1].suspects if one.why == "frozen"}
    found = {name: total / len(window.slots) for name, total in sorted(shares.items()) if name in newest}
    frozen = [name for name, share in found.items() if share >= limits.share_min]
    most = max(found, key=lambda name: found[name], default="")
    evidence = (
        compared("frozen_share", found.get(most, 0.0), ">=", limits.share_min, subject=most),
        *(measured("frozen_at", values[name], subject=name) for name in frozen),
    )
    if not frozen:
        return Judgement(False, evidence)
    told = ", ".join(f"{name} at {values[name]:g}" for name in frozen[:4])
    more = f" and {len(frozen) - 4} more" if len(frozen) > 4 else ""
    text = f"standing still: {told}{more}"
    return Judgement(True, evidence, "warning", found[most], tuple(frozen), text)


PATTERN = Pattern(
    id="frozen_sensor",
    title="A sensor stands still",
    about="A reading that cannot be constant is: the agent has set it aside, and what needs it is unknown.",
    window_s=60,
    min_coverage=0.5,
    for_s=0,
    clear_s=60,
    hints={"warning": "monitor"},
    action="check_sensor",
    recommendation=(
        "Restart the driver or the daemon that reads the sensor; until it moves again, what is judged by it "
        "(heat, power, WES) is unknown."
    ),
    thresholds=FrozenSensor,
    judge=judge,
)
