"""An accelerator has been at its critical temperature."""

from dataclasses import dataclass

from processors.fleet.alert import NodeAlert
from processors.fleet.state import Watched
from processors.patterns.pattern import UNKNOWN, Judgement, compared, measured
from processors.patterns.thresholds import Thresholds, threshold
from schemas.events.node_summary import NodeSummary


@dataclass(frozen=True, slots=True)
class ThermalRedline(Thresholds):
    """Thresholds of thermal_redline."""

    critical_share_min: float = threshold(
        0.8, 0.1, 1.0, doc="share of a pane's samples in the state critical"
    )


def judge(summary: NodeSummary, watched: Watched, limits: ThermalRedline) -> Judgement:
    """Critical in nearly every sample."""
    del watched
    if not summary.samples:
        return UNKNOWN
    share = summary.thermal_critical / summary.samples
    evidence = (
        compared("critical_share", share, ">=", limits.critical_share_min),
        measured("temperature", summary.temperature_c, "°C"),
    )
    if share < limits.critical_share_min:
        return Judgement(False, evidence)
    degrees = f" at {summary.temperature_c:.0f} °C" if summary.temperature_c >= 0 else ""
    text = f"an accelerator is critically hot{degrees}"
    return Judgement(True, evidence, "critical", share, (summary.node_id,), text)


ALERT = NodeAlert(
    id="thermal_redline",
    title="Critical heat",
    about="An accelerator's thermal state has been critical for two minutes.",
    for_s=110,
    clear_s=30,
    action="check_thermal_zone",
    recommendation="Take work off the node now; check its fans, its air, and the rack's cooling.",
    thresholds=ThermalRedline,
    judge=judge,
    departs="The state is the accelerators', from their throttle reasons and temperatures, not the CPU's.",
)
