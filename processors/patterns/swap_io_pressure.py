"""The machine writes memory to disk all the time."""

from dataclasses import dataclass

from processors.patterns.pattern import UNKNOWN, Judgement, Pattern, compared, measured
from processors.patterns.thresholds import Thresholds, threshold
from processors.windows.window import Window, mean
from schemas.events.observation import Severity

_MB = 1e6


@dataclass(frozen=True, slots=True)
class SwapIoPressure(Thresholds):
    """Thresholds of swap_io_pressure."""

    swap_out_min: float = threshold(
        2e6, 1e4, 1e10, "B/s", doc="bytes a second written to swap that count, mean of a pane"
    )
    share_min: float = threshold(0.7, 0.1, 1.0, doc="share of panes in which they are written")
    critical_min: float = threshold(
        1e7, 1e5, 1e11, "B/s", doc="the same, from which it is critical, for as much of the time"
    )
    known_min: float = threshold(0.7, 0.1, 1.0, doc="share of the window's panes that must have the reading")


def judge(window: Window, limits: SwapIoPressure) -> Judgement:
    """Swap is written to in most of the panes."""
    written = window.known("swap_out_bytes_per_s")
    if len(written) < limits.known_min * window.places:
        return UNKNOWN
    share = sum(value > limits.swap_out_min for value in written) / len(written)
    rate = mean(written)
    evidence = (
        compared("swap_out", rate, ">", limits.swap_out_min, "B/s"),
        compared("share_of_time", share, ">=", limits.share_min),
        measured("memory_pressure", window.mean("memory_pressure_ratio")),
        measured("io_pressure", window.mean("io_pressure_ratio")),
    )
    if share < limits.share_min:
        return Judgement(False, evidence)
    storm = sum(value > limits.critical_min for value in written) / len(written)
    severity: Severity = "critical" if storm >= limits.share_min else "warning"
    text = f"{rate / _MB:.1f} MB/s written to swap, in {share:.0%} of {window.seconds // 60} minutes"
    return Judgement(True, evidence, severity, share, (), text)


PATTERN = Pattern(
    id="swap_io_pressure",
    title="Memory is being swapped out",
    about="The machine has written memory to disk for most of five minutes.",
    window_s=300,
    min_coverage=0.7,
    for_s=0,
    clear_s=60,
    hints={"warning": "steer_away", "critical": "steer_away"},
    action="evict_idle_models",
    recommendation=(
        "Unload idle models or load smaller ones: every token that touches swapped pages waits for the disk."
    ),
    thresholds=SwapIoPressure,
    judge=judge,
    departs=(
        "A storm is critical by the share of time as well: the mean of five minutes was made critical by the "
        "one burst with which memory is first written out. What is swapped in is not judged: it is the way "
        "back."
    ),
)
