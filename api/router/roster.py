"""Which upstreams there are, and what each has: by nodes, settings, and the upstreams' own answers."""

import socket
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Protocol

from api.query.fleet import FleetView
from api.router.ask import plain_name
from api.router.fleet_view import Server, Servers, Withdrawn, servers, slots
from api.router.listed import listed
from api.router.offers import Offer, is_unheard, offers
from api.router.scoring.decide import Away
from api.router.seams import Upstream
from api.router.upstream.inventory import Inventory
from schemas.events.node_state import NodeState
from schemas.settings import RouterSettings

ANEW_S = 5.0
"""Who is silent is looked at so often."""


class Answers(Protocol):
    """What upstreams answered this router; ``upstream.catalogue.Catalogue`` is one."""

    def listen(self, changed: Callable[[], None]) -> None:
        """Call ``changed`` when one says something new, and again and again."""

    def inventory(self, upstream: str) -> Inventory | None:
        """Return what one said last; None where it never said anything."""

    def errors(self) -> Mapping[str, str]:
        """Return why those that did not answer the last question did not."""


class Roster:
    """Upstreams, and offers by the names of models.

    Args:
        settings: the router's.
        answers: what upstreams answer this router.
        fleet: the nodes; empty without Kafka.
        hostname: of this machine; None: as the system says.

    Attributes:
        servers: by the ids of their upstreams.
        upstreams: likewise, with their places as they are known now.
        offers: by model, then by upstream.
        away: what has a model and cannot be used, by model.
        withdrawn: runtimes that nothing is sent to.

    Raises:
        ConfigError: two upstreams have one name.
    """

    def __init__(
        self,
        settings: RouterSettings,
        answers: Answers,
        fleet: FleetView,
        hostname: str | None = None,
    ) -> None:
        self._listed = listed(settings)
        self._name = settings.fleet
        self._answers = answers
        self._fleet = fleet
        self._hostname = hostname or socket.gethostname()
        self._inventories: dict[str, Inventory | None] = {}
        self._failing: frozenset[str] = frozenset()
        self._refreshed_s = 0.0
        self.servers: dict[str, Server] = {}
        self.upstreams: dict[str, Upstream] = {}
        self.offers: dict[str, dict[str, Offer]] = {}
        self.away: dict[str, Away] = {}
        self.withdrawn: tuple[Withdrawn, ...] = ()

    def refresh(self) -> None:
        """Put everything together anew."""
        self._refreshed_s = time.monotonic()
        self._failing = frozenset(self._answers.errors())
        found = self._found()
        self.servers, self.withdrawn = dict(found.usable), found.withdrawn
        self.upstreams = {id_: self._upstream(server) for id_, server in self.servers.items()}
        self._inventories = {id_: self._answers.inventory(id_) for id_ in self.servers}
        lost = {id_ for id_, server in self.servers.items() if self._is_lost(server)}
        self.offers = {}
        for id_ in self.servers.keys() - lost:
            for name, offer in self._offers_of(id_):
                self.offers.setdefault(name, {})[id_] = offer
        self.away = self._away(lost)

    def heard(self) -> frozenset[str] | None:
        """Take in what upstreams answered.

        Most of it is no news but of what is loaded, which costs little.

        Returns:
            The upstreams that said something new; None: there may be others than before, ``refresh``.
        """
        known = {id_: self._answers.inventory(id_) for id_ in self.servers}
        news = frozenset(id_ for id_, found in known.items() if found is not self._inventories[id_])
        other = any(_shape(known[id_]) != _shape(self._inventories[id_]) for id_ in news)
        late = time.monotonic() - self._refreshed_s > ANEW_S
        if other or late or self._failing != self._answers.errors().keys():
            return None
        self._inventories = known
        for id_ in news:
            for name, offer in self._offers_of(id_):
                if name in self.offers:
                    self.offers[name][id_] = offer
        return news

    def state(self, event: NodeState) -> tuple[frozenset[str], bool]:
        """Take in how a node is, which the fleet holds already.

        Returns:
            Its upstreams, and whether any serves more or fewer at once than before.
        """
        node = self._fleet.get(event.node_id)
        ids = frozenset(
            id_
            for id_, server in self.servers.items()
            if server.node and server.node.node_id == event.node_id
        )
        for id_ in ids:
            self.servers[id_] = replace(self.servers[id_], node=node)
        return ids, any(self.upstreams[id_].slots != self._upstream(self.servers[id_]).slots for id_ in ids)

    def is_unheard(self) -> bool:
        """Tell whether an upstream may have anything, because nobody has said what it has."""
        return any(is_unheard(server, self._answers.inventory(id_)) for id_, server in self.servers.items())

    def _found(self) -> Servers:
        now_us = time.time_ns() // 1000
        nodes = self._fleet.nodes(self._name)
        return servers(nodes, self._listed, hostname=self._hostname, now_us=now_us)

    def _upstream(self, server: Server) -> Upstream:
        known = self._answers.inventory(server.upstream.id)
        return replace(server.upstream, slots=slots(server, known.slots if known else None))

    def _offers_of(self, id_: str) -> Iterator[tuple[str, Offer]]:
        return offers(self.servers[id_], self._inventories[id_])

    def _is_lost(self, server: Server) -> bool:
        """Tell whether neither agent nor runtime is heard of: it takes no request, and has no places."""
        if server.node is None or server.listed is not None or server.upstream.id not in self._failing:
            return False
        return not server.node.is_up(time.time_ns() // 1000)

    def _away(self, lost: set[str]) -> dict[str, Away]:
        """Return what has a model and cannot be used: node, runtime, model, reason."""
        found: dict[str, list[tuple[str, str, str, str]]] = {}
        for one in self.withdrawn:
            for model in one.runtime.models:
                entry = (one.node_id, one.runtime.runtime_id, model.name, one.reason)
                for name in sorted({model.name, plain_name(model.name)}):
                    found.setdefault(name, []).append(entry)
        for id_ in sorted(lost):
            server = self.servers[id_]
            for name, offer in self._offers_of(id_):
                reason = "neither its agent nor itself was heard of lately"
                entry = (server.upstream.node_id, server.runtime_id, offer.own, reason)
                found.setdefault(name, []).append(entry)
        return {name: tuple(entries) for name, entries in found.items()}


def _shape(known: Inventory | None) -> object:
    """Return what of an answer makes other models or places."""
    return None if known is None else (known.models.keys(), known.slots)
