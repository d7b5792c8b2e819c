"""Which models the servers offer, under which names, and what is known of each. Pure."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple, TypeVar

from api.router.abilities import ABLE
from api.router.ask import plain_name
from api.router.fleet_view import Server, loaded_models
from api.router.upstream.inventory import Inventory, Model
from schemas.events.node_registered import AvailableModel
from schemas.events.reading import NAN

_LATEST = ":latest"
_MOST = 1e15
"""More bytes or tokens than this are no reading."""
_T = TypeVar("_T")


class Offer(NamedTuple):
    """A model of a server.

    Attributes:
        server: id of the upstream.
        own: the server's name for it.
        renamed: clients know it by another name, so that the request must say ``own``.
        asked: what the server answered this router of it; None: it was not asked, or does not list it.
        registered: what its node registered of it; None likewise.
    """

    server: str
    own: str
    renamed: bool = False
    asked: Model | None = None
    registered: AvailableModel | None = None

    @property
    def lacks(self) -> frozenset[str]:
        """What the server says that it cannot do."""
        return self.asked.lacks if self.asked else ABLE

    @property
    def thinks(self) -> bool | None:
        """Whether it thinks before it answers; None: nobody says."""
        return self.asked.thinks if self.asked else None

    @property
    def size_bytes(self) -> float:
        """On disk; NaN: unknown."""
        told = self.asked.listed.get("size") if self.asked else None
        if isinstance(told, int) and 0 < told < _MOST:
            return float(told)
        size = self.registered.size_bytes if self.registered else NAN
        return size if 0 < size < _MOST else NAN


def offers(server: Server, known: Inventory | None) -> Iterator[tuple[str, Offer]]:
    """Yield the names by which clients may ask for the models of a server, and what each means.

    Args:
        server: the server.
        known: what it answered this router, which is newer than what its node registered; None: nothing yet.
    """
    id_ = server.upstream.id
    asked = known.models if known else {}
    registered = {model.name: model for model in server.runtime.models} if server.runtime else {}
    if server.listed is not None and server.listed.models:
        for name, own in server.listed.models.items():
            yield name, Offer(id_, own, own != name, _find(asked, own), _find(registered, own))
        return
    for own in asked if known is not None else registered:
        offer = Offer(id_, own, False, asked.get(own), registered.get(own))
        yield own, offer
        if server.upstream.kind == "ollama" and plain_name(own) != own:
            yield plain_name(own), offer


def is_unheard(server: Server, known: Inventory | None) -> bool:
    """Tell whether a server may have anything: nobody ever said what it has."""
    named = server.listed is not None and bool(server.listed.models)
    return known is None and not named and not (server.runtime and server.runtime.models)


def is_loaded(server: Server, offer: Offer, *, state_counts: bool) -> bool:
    """Tell whether a model is in memory.

    Args:
        server: the server.
        offer: the model.
        state_counts: the node's state is newer than the answer of the server, so that where they say
            different things it holds.
    """
    if server.upstream.kind != "ollama":
        return True  # what these list, they serve
    told = loaded_models(server) if state_counts else None
    if told is not None:
        return any(plain_name(name) == plain_name(offer.own) for name in told)
    if offer.asked is not None:
        return offer.asked.running is not None
    return offer.registered.loaded if offer.registered else False


def contexts(server: Server, offer: Offer, *, loaded: bool) -> tuple[int | None, int | None]:
    """Return the context a model is loaded with, and the most it can have; None: unknown."""
    most = _whole(offer.registered.context_length if offer.registered else NAN)
    answered = offer.asked.context_length if offer.asked else None
    if server.upstream.kind != "ollama":
        return answered, answered if answered is not None else most
    if not loaded:
        return None, most
    told = (loaded_models(server) or {}).get(offer.own)
    state = _whole(told.context_length) if told else None
    return answered if answered is not None else state, most


def _find(models: Mapping[str, _T], name: str) -> _T | None:
    found = models.get(name)
    return found if found is not None else models.get(name + _LATEST)


def _whole(value: float) -> int | None:
    return int(value) if 0 < value < _MOST else None
