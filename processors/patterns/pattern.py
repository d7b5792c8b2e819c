"""What a pattern is: a pure judgement of a window, with what a person needs to act on it.

A pattern says True, False or unknown. Unknown is for a reading that is not there: it neither opens nor ends
an observation. When it opens, how it changes and when it ends is the lifecycle's business, the same for all.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from processors.patterns.thresholds import Thresholds
from processors.windows.window import Window
from schemas.events.observation import Evidence, RoutingHint, Severity
from schemas.events.reading import NAN

# From harmless to worst.
SEVERITIES: tuple[Severity, ...] = ("info", "warning", "critical")
HINTS: tuple[RoutingHint, ...] = ("clear", "monitor", "reduce_batch", "steer_away")


class Judgement(NamedTuple):
    """What a pattern makes of a window. ``holds`` is None where the readings do not tell.

    ``confidence`` is 0..1; ``subjects`` are the accelerators, runtimes or models concerned, sorted; ``text``
    is one sentence with the numbers that matter, empty unless it holds. The first of ``evidence`` is what the
    judgement stands on: a material change of it is told. ``observations`` are those an alert brings together.
    """

    holds: bool | None
    evidence: tuple[Evidence, ...] = ()
    severity: Severity = "warning"
    confidence: float = 1.0
    subjects: tuple[str, ...] = ()
    text: str = ""
    observations: tuple[str, ...] = ()


UNKNOWN = Judgement(None)


@dataclass(frozen=True, slots=True)
class Pattern:
    """One pattern: how it judges, and what is said about it.

    ``window_s``: a multiple of 10 up to 600. ``min_coverage``: the share of the window's panes below which
    the answer is unknown, checked before ``judge`` is called. ``for_s``: how long it must hold before an
    observation opens; ``clear_s``: how long it must not, before it ends. ``hints`` are by severity;
    ``action`` is the id of the recommended action and ``recommendation`` the same in a sentence. ``departs``
    says where it differs from Wicklee's pattern of that name, and why; empty for those only Penstock has.
    """

    id: str
    title: str
    about: str
    window_s: int
    min_coverage: float
    for_s: int
    clear_s: int
    hints: Mapping[Severity, RoutingHint]
    action: str
    recommendation: str
    thresholds: type[Thresholds]
    judge: Callable[[Window, Any], Judgement]
    departs: str = ""


def measured(name: str, value: float, unit: str = "", *, subject: str = "") -> Evidence:
    """Return evidence that is told and not compared."""
    return Evidence(name, subject, unit, "", value, NAN)


def compared(
    name: str, value: float, comparison: str, threshold: float, unit: str = "", *, subject: str = ""
) -> Evidence:
    """Return evidence with the threshold it was held against; ``comparison`` is what makes it wrong."""
    return Evidence(name, subject, unit, comparison, value, threshold)
