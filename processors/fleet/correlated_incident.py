"""Several nodes got into trouble together: one cause, one alert."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from processors.fleet.alert import Fleet, FleetAlert
from processors.fleet.state import Member
from processors.patterns.pattern import Judgement, compared, measured
from processors.patterns.thresholds import Thresholds, threshold
from processors.patterns.turning import SECOND_US

# What nodes may share, the likeliest cause first; the last is the fleet itself.
ATTRIBUTES = ("rack", "driver", "model", "hardware", "fleet")
OFFLINE = "offline"
# Patterns that have one cause, by what it is.
FAMILIES: Mapping[str, str] = {
    "thermal_drain": "heat",
    "nvidia_thermal_redline": "heat",
    "hot_memory": "heat",
    "efficiency_drag": "heat",
    "clock_drift": "power",
    "power_cap_throttle": "power",
    "power_jitter": "power",
    "ttft_regression": "latency",
    "latency_spike": "latency",
    "vllm_queue_saturation": "latency",
    "vllm_kv_cache_saturation": "latency",
    "kv_thrash": "latency",
    "error_burst": "errors",
    "abandonment": "errors",
    "queue_stall": "errors",
    "swap_io_pressure": "memory",
    "memory_trajectory": "memory",
    "vram_overcommit": "memory",
    "gpu_lost": "hardware",
    "ecc_errors": "hardware",
    "pcie_lane_degradation": "hardware",
}


@dataclass(frozen=True, slots=True)
class CorrelatedIncident(Thresholds):
    """Thresholds of correlated_incident."""

    members_min: float = threshold(3.0, 2.0, 1000.0, doc="nodes that must be concerned")
    share_min: float = threshold(0.5, 0.05, 1.0, doc="of the nodes that share the attribute")
    within_s: float = threshold(300.0, 10.0, 3600.0, "s", doc="between the first onset and the last")
    silent_min_s: float = threshold(60.0, 40.0, 3600.0, "s", doc="seconds of silence that count as trouble")


@dataclass(frozen=True, slots=True)
class _Trouble:
    member: Member
    family: str
    onset_at: int
    observation_id: str


def judge(fleet: Fleet, limits: CorrelatedIncident) -> Mapping[str, Judgement]:
    """For each kind of trouble, the narrowest thing that enough troubled nodes share."""
    found: dict[str, Judgement] = {}
    troubles: dict[str, list[_Trouble]] = {}
    for trouble in _troubles(fleet, limits):
        troubles.setdefault(trouble.family, []).append(trouble)
    for family in sorted(troubles):
        together = _together(troubles[family], limits)
        judged = None if together is None else _shared(family, together, fleet, limits)
        if judged is not None:
            found[family] = judged
    return found


def _troubles(fleet: Fleet, limits: CorrelatedIncident) -> Iterator[_Trouble]:
    for one in fleet.members.values():
        if one.silent_s >= limits.silent_min_s and not one.stopped:
            since = one.passed_at - int(one.silent_s * SECOND_US)
            yield _Trouble(one, OFFLINE, since, "")
        for each in one.open:
            family = FAMILIES.get(each.pattern)
            if family is not None:
                yield _Trouble(one, family, each.onset_at, each.observation_id)


def _together(troubles: Sequence[_Trouble], limits: CorrelatedIncident) -> Sequence[_Trouble] | None:
    """Return the largest group of troubles that began within the time, the earliest of equals."""
    ordered = sorted(troubles, key=lambda each: (each.onset_at, each.member.node_id, each.observation_id))
    within_us = int(limits.within_s * SECOND_US)
    best: Sequence[_Trouble] = ()
    for index, first in enumerate(ordered):
        group = [each for each in ordered[index:] if each.onset_at - first.onset_at <= within_us]
        if len({each.member.node_id for each in group}) > len({each.member.node_id for each in best}):
            best = group
    return best if len({each.member.node_id for each in best}) >= limits.members_min else None


def _shared(
    family: str, troubles: Sequence[_Trouble], fleet: Fleet, limits: CorrelatedIncident
) -> Judgement | None:
    for attribute in ATTRIBUTES:
        by_value: dict[str, list[_Trouble]] = {}
        for each in troubles:
            value = _value(each.member, attribute, fleet)
            if value:
                by_value.setdefault(value, []).append(each)
        for value in sorted(by_value):
            group = by_value[value]
            members = sorted({each.member.node_id for each in group})
            size = sum(_value(one, attribute, fleet) == value for one in fleet.members.values())
            if len(members) >= limits.members_min and len(members) >= limits.share_min * size:
                return _judgement(family, attribute, value, members, size, group, limits)
    return None


def _judgement(
    family: str,
    attribute: str,
    value: str,
    members: Sequence[str],
    size: int,
    troubles: Sequence[_Trouble],
    limits: CorrelatedIncident,
) -> Judgement:
    first = min(each.onset_at for each in troubles)
    last = max(each.onset_at for each in troubles)
    evidence = (
        compared("members", float(len(members)), ">=", limits.members_min),
        compared("share", len(members) / size, ">=", limits.share_min, subject=f"{attribute} {value}"),
        measured("spread", (last - first) / SECOND_US, "s"),
    )
    what = "went silent" if family == OFFLINE else f"have trouble with {family}"
    text = f"{len(members)} of {size} nodes of {attribute} {value} {what} since the same time"
    observations = tuple(sorted({each.observation_id for each in troubles} - {""}))
    return Judgement(True, evidence, "critical", len(members) / size, tuple(members), text, observations)


def _value(member: Member, attribute: str, fleet: Fleet) -> str:
    return fleet.name if attribute == "fleet" else str(getattr(member, attribute))


ALERT = FleetAlert(
    id="correlated_incident",
    title="Several nodes at once",
    about="At least three nodes that share a rack, driver, model or hardware got the same trouble together.",
    for_s=20,
    clear_s=60,
    action="find_common_cause",
    recommendation="Look for the cause in what they share before looking at each node.",
    thresholds=CorrelatedIncident,
    judge=judge,
)
