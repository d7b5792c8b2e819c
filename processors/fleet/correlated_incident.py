"""Several nodes got into trouble together: one cause, one alert."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from processors.fleet.alert import Fleet, FleetAlert
from processors.fleet.state import Member
from processors.patterns.pattern import SEVERITIES, Judgement, compared, measured
from processors.patterns.thresholds import Thresholds, threshold
from processors.patterns.turning import SECOND_US
from schemas.events.observation import Severity

# What nodes may share, the likeliest cause first; the last is what all of them share.
FLEET = "fleet"
ATTRIBUTES = ("rack", "driver", "model", "hardware", FLEET)
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
    "clock_skew": "time",
}


@dataclass(frozen=True, slots=True)
class CorrelatedIncident(Thresholds):
    """Thresholds of correlated_incident."""

    members_min: float = threshold(3.0, 2.0, 1000.0, doc="nodes that must be concerned")
    share_min: float = threshold(0.5, 0.05, 1.0, doc="of the nodes there that share the attribute")
    within_s: float = threshold(300.0, 10.0, 3600.0, "s", doc="between the first onset and the last")
    silent_min_s: float = threshold(60.0, 40.0, 3600.0, "s", doc="seconds of silence that count as trouble")


@dataclass(frozen=True, slots=True)
class _Trouble:
    member: Member
    family: str
    severity: Severity
    onset_at: int
    observation_id: str


@dataclass(frozen=True, slots=True)
class _Shared:
    """What some of the troubled nodes share: an attribute with a value that ``size`` nodes have."""

    attribute: str
    value: str
    size: int
    troubles: Sequence[_Trouble]
    members: tuple[str, ...]


def judge(fleet: Fleet, limits: CorrelatedIncident) -> Mapping[str, Judgement]:
    """For each kind of trouble, what the nodes that got it together share, and others do not."""
    found: dict[str, Judgement] = {}
    troubles: dict[str, list[_Trouble]] = {}
    for trouble in _troubles(fleet, limits):
        troubles.setdefault(trouble.family, []).append(trouble)
    for family in sorted(troubles):
        together = _together(troubles[family], limits)
        shared = None if together is None else _shared(together, fleet, limits)
        if shared is not None:
            found[family] = _judgement(family, shared, limits)
    return found


def _troubles(fleet: Fleet, limits: CorrelatedIncident) -> Iterator[_Trouble]:
    """Yield what is wrong with each node; of one that is silent, that alone: the rest follows from it."""
    for one in fleet.members.values():
        if one.silent_s >= limits.silent_min_s and not one.stopped:
            since = one.passed_at - int(one.silent_s * SECOND_US)
            yield _Trouble(one, OFFLINE, "critical", since, "")
            continue
        for each in one.open:
            family = FAMILIES.get(each.pattern)
            if family is not None:
                yield _Trouble(one, family, each.severity, each.onset_at, each.observation_id)


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


def _shared(troubles: Sequence[_Trouble], fleet: Fleet, limits: CorrelatedIncident) -> _Shared | None:
    """Return what tells the troubled nodes best from the others; of equals the likeliest cause.

    An attribute that every node has with the same value explains nothing; then it is the fleet's.
    """
    troubled = {each.member.node_id for each in troubles}
    there = [one for one in fleet.members.values() if one.node_id in troubled or _is_there(one, limits)]
    best, best_fit = None, 0.0
    for one in _candidates(troubles, there, fleet):
        count = len(one.members)
        enough = count >= limits.members_min and count >= limits.share_min * one.size
        fit = count / (one.size + len(troubled))
        if enough and fit > best_fit and (one.size < len(there) or one.attribute == FLEET):
            best, best_fit = one, fit
    return best


def _candidates(troubles: Sequence[_Trouble], there: Sequence[Member], fleet: Fleet) -> Iterator[_Shared]:
    for attribute in ATTRIBUTES:
        sizes = Counter(_value(one, attribute, fleet) for one in there)
        by_value: dict[str, list[_Trouble]] = {}
        for each in troubles:
            by_value.setdefault(_value(each.member, attribute, fleet), []).append(each)
        for value in sorted(by_value.keys() - {""}):
            group = by_value[value]
            members = tuple(sorted({each.member.node_id for each in group}))
            yield _Shared(attribute, value, sizes[value], group, members)


def _is_there(one: Member, limits: CorrelatedIncident) -> bool:
    """Return whether it counts among those that could have the trouble: not one that has long gone."""
    return not one.stopped and one.silent_s < limits.silent_min_s


def _judgement(family: str, shared: _Shared, limits: CorrelatedIncident) -> Judgement:
    onsets = [each.onset_at for each in shared.troubles]
    count, size, of = len(shared.members), shared.size, f"{shared.attribute} {shared.value}"
    evidence = (
        compared("members", float(count), ">=", limits.members_min),
        compared("share", count / size, ">=", limits.share_min, subject=of),
        measured("spread", (max(onsets) - min(onsets)) / SECOND_US, "s"),
    )
    what = "went silent" if family == OFFLINE else f"have trouble with {family}"
    text = f"{count} of {size} nodes of {of} {what} since the same time"
    severity = max((each.severity for each in shared.troubles), key=SEVERITIES.index)
    observations = tuple(sorted({each.observation_id for each in shared.troubles} - {""}))
    return Judgement(True, evidence, severity, count / size, shared.members, text, observations)


def _value(member: Member, attribute: str, fleet: Fleet) -> str:
    return fleet.name if attribute == FLEET else str(getattr(member, attribute))


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
