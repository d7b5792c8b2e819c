"""What the signals are told of a model at a server: facts of nodes, answers and the ledger together. Pure."""

import math
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from api.router.abilities import CHOICES
from api.router.ask import plain_name
from api.router.fleet_view import Server, condition, runtime_state
from api.router.ledger import Ledger
from api.router.offers import Offer, contexts, is_loaded
from api.router.scoring.place import Place, Speed
from schemas.events.reading import NAN

_ONE_CHOICE = frozenset((CHOICES,))
_LEAST_SPEED = 1e-3
"""Fewer tokens a second than this are no reading."""


@dataclass(frozen=True, slots=True)
class Known:
    """What places are made of, besides the offer.

    Attributes:
        servers: by id.
        ledger: what this router saw.
        seen_s: when the state of each node came, monotonic seconds.
        wes: of each (server, model): tokens a joule when it last served, and when that was.
        silent: servers that did not answer the last question.
        fresh_s: age of a state up to which it is newer than an answer.
    """

    servers: Mapping[str, Server]
    ledger: Ledger
    seen_s: Mapping[str, float]
    wes: Mapping[tuple[str, str], tuple[float, float]]
    silent: Iterable[str]
    fresh_s: float


def place(offer: Offer, known: Known, now_s: float) -> Place:
    """Return what is known of an offer."""
    server = known.servers[offer.server]
    seen_s = known.seen_s.get(server.node.node_id, NAN) if server.node else NAN
    speed = known.ledger.speed(offer.server, offer.own)
    loaded = _is_loaded(offer, known, now_s)
    context, most_context = contexts(server, offer, loaded=loaded)
    wes, wes_seen_s = known.wes.get((offer.server, offer.own), (NAN, NAN))
    return Place(
        upstream=offer.server,
        node_id=server.upstream.node_id,
        runtime_id=server.runtime_id,
        model=offer.own,
        condition=condition(server, seen_s),
        speed=_told(speed, server),
        loaded=loaded,
        loading_s=NAN if loaded else known.ledger.loading_s(offer.server, offer.own, now_s),
        silent=offer.server in known.silent,
        context=context,
        most_context=most_context,
        size_bytes=offer.size_bytes,
        lacks=offer.lacks | _ONE_CHOICE if server.upstream.kind == "ollama" else offer.lacks,
        thinks=offer.thinks,
        wes=wes,
        wes_seen_s=wes_seen_s,
    )


def residents(offers: Mapping[str, Mapping[str, Offer]], known: Known, now_s: float) -> Mapping[str, float]:
    """Return the models that are in memory anywhere, and their sizes in bytes; NaN where unknown."""
    found: dict[str, float] = {}
    for name, offered in offers.items():
        if name != plain_name(name) and plain_name(name) in offers:
            continue  # the same one
        for offer in offered.values():
            if _is_loaded(offer, known, now_s):
                found[name] = offer.size_bytes
                break
    return found


def _is_loaded(offer: Offer, known: Known, now_s: float) -> bool:
    server = known.servers[offer.server]
    seen_s = known.seen_s.get(server.node.node_id, NAN) if server.node else NAN
    # Who has just answered had it loaded, whatever a state says that was read before.
    if now_s - known.ledger.speed(offer.server, offer.own).seen_s <= known.fresh_s:
        return True
    return is_loaded(server, offer, state_counts=now_s - seen_s <= known.fresh_s)


def evened(places: Mapping[str, Place], usual: Speed) -> Mapping[str, Place]:
    """Take what is unknown of a place's speed for what is usual, so that one never tried is tried too."""
    return {id_: one._replace(speed=_filled(one.speed, usual)) for id_, one in places.items()}


def usual_speed(places: Iterable[Place]) -> Speed:
    """Return the median of what is known of the places; NaN where nothing is of any."""
    speeds = [one.speed for one in places]
    return Speed(*(_median(speed[index] for speed in speeds) for index in range(len(Speed._fields) - 1)))


def _told(speed: Speed, server: Server) -> Speed:
    """Take the decoding speed that the node's probe found, where this router saw none."""
    if not math.isnan(speed.decode_s):
        return speed
    runtime = runtime_state(server)
    probed = runtime.probe_tokens_per_second if runtime else NAN
    return speed._replace(decode_s=1.0 / probed) if probed > _LEAST_SPEED else speed


def _filled(speed: Speed, usual: Speed) -> Speed:
    if not any(map(math.isnan, speed[:-1])):
        return speed
    known = (other if math.isnan(own) else own for own, other in zip(speed[:-1], usual[:-1], strict=True))
    return Speed._make((*known, speed.seen_s))


def _median(values: Iterable[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return statistics.median(known) if known else NAN
