"""Requests wait at one node, or run where it costs more, while an equal node has room."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from processors.fleet.alert import Fleet, FleetAlert
from processors.fleet.state import Member
from processors.patterns.pattern import Judgement, compared, measured
from processors.patterns.thresholds import Thresholds, threshold
from schemas.load_band import requests_of


@dataclass(frozen=True, slots=True)
class FleetLoadImbalance(Thresholds):
    """Thresholds of fleet_load_imbalance."""

    waiting_min: float = threshold(2.0, 0.5, 1000.0, doc="requests that wait at the node, mean of a pane")
    peer_load_max: float = threshold(0.25, 0.0, 1.0, doc="requests at the peer, of those at the node")
    gap_min: float = threshold(
        0.2, 0.05, 0.95, doc="tokens a joule that the node gives less than a cooler peer"
    )
    hot_share_min: float = threshold(0.5, 0.05, 1.0, doc="share of samples with a hot accelerator")


def judge(fleet: Fleet, limits: FleetLoadImbalance) -> Mapping[str, Judgement]:
    """For each node that serves: an equal peer that would have done better."""
    found: dict[str, Judgement] = {}
    groups: dict[tuple[str, str], list[Member]] = {}
    for one in fleet.members.values():
        if one.model and one.hardware and one.silent_s <= 0 and not one.stopped:
            groups.setdefault((one.hardware, one.model), []).append(one)
    for group in groups.values():
        for one in group:
            peers = [peer for peer in group if peer is not one]
            judgement = _waits(one, peers, limits) or _costs(one, peers, limits)
            if judgement is not None:
                found[one.node_id] = judgement
    return found


def _waits(one: Member, peers: Iterable[Member], limits: FleetLoadImbalance) -> Judgement | None:
    if not one.requests_waiting >= limits.waiting_min:
        return None
    load = one.requests_running + one.requests_waiting
    free = [
        peer
        for peer in peers
        if peer.requests_running + peer.requests_waiting <= limits.peer_load_max * load and peer.hot <= 0
    ]
    if not free:
        return None
    best = min(free, key=lambda peer: (peer.requests_running + peer.requests_waiting, peer.node_id))
    evidence = (
        compared("requests_waiting", one.requests_waiting, ">=", limits.waiting_min),
        measured("requests_at_peer", best.requests_running + best.requests_waiting, subject=best.node_id),
    )
    text = f"{one.requests_waiting:.0f} requests wait for {one.model} while {best.node_id} has room"
    return Judgement(True, evidence, "warning", 1.0, (one.node_id, best.node_id), text)


def _costs(one: Member, peers: Iterable[Member], limits: FleetLoadImbalance) -> Judgement | None:
    """Hot and serving, while a cool peer at the same load gives more for the same power."""
    if one.hot < limits.hot_share_min or not one.wes_raw > 0 or not one.load:
        return None
    cool = [peer for peer in peers if peer.hot <= 0 and peer.wes_raw > 0 and _alike(peer.load, one.load)]
    if not cool:
        return None
    best = max(cool, key=lambda peer: (peer.wes_raw, peer.node_id))
    gap = 1.0 - one.wes_raw / best.wes_raw
    if gap < limits.gap_min:
        return None
    evidence = (
        compared("gap", gap, ">=", limits.gap_min),
        measured("wes_raw", one.wes_raw, "tokens/J"),
        measured("wes_raw", best.wes_raw, "tokens/J", subject=best.node_id),
    )
    text = f"hot, and {gap:.0%} fewer tokens a joule than {best.node_id} with the same model and load"
    return Judgement(True, evidence, "warning", 1.0, (one.node_id, best.node_id), text)


def _alike(one: str, other: str) -> bool:
    """Return whether two loads are of as many requests: how much is read changes from pane to pane."""
    return requests_of(one) == requests_of(other)


ALERT = FleetAlert(
    id="fleet_load_imbalance",
    title="Load is in the wrong place",
    about="For two minutes requests have waited at a node, or run hot, while an equal node had room.",
    for_s=120,
    clear_s=60,
    action="rebalance",
    recommendation="Route by load and heat: send new requests for the model to the peer that is named.",
    thresholds=FleetLoadImbalance,
    judge=judge,
    departs=(
        "Compared are nodes of the same hardware with the same model, never across fleets; waiting requests "
        "beside an idle peer count, which Wicklee's does not see; a gap in efficiency counts only at the "
        "same load and with heat, since batch size alone changes it."
    ),
)
