"""A fleet from a list in the settings, without agents: the least busy that has the model is asked."""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from api.router.ask import Ask, plain_name
from api.router.seams import Absence, Choice, NoChoice, Upstream, Usage
from api.router.upstream.catalogue import Catalogue
from schemas.errors import ConfigError
from schemas.settings import RouterSettings, UpstreamSettings

_NEAR = 3


@dataclass(frozen=True, slots=True)
class _Place:
    """A model at an upstream; ``own`` is the upstream's name for it."""

    upstream: Upstream
    own: str
    context_length: int | None


class StaticFleet:
    """See ``seams.Chooser``.

    Raises:
        ConfigError: two upstreams have one name.
    """

    def __init__(self, settings: RouterSettings, catalogue: Catalogue) -> None:
        self._configured = {
            upstream.id: (upstream, told) for upstream, told in _upstreams(settings.upstreams)
        }
        if len(self._configured) < len(settings.upstreams):
            raise ConfigError(
                "two of the setting router.upstreams have the same name; give them different ones"
            )
        self._catalogue = catalogue
        self._upstreams: dict[str, Upstream] = {}
        self._in_flight = dict.fromkeys(self._configured, 0)
        self._places: dict[str, tuple[_Place, ...]] = {}
        self._turn = 0
        self.refresh()
        catalogue.listen(self.refresh)

    def refresh(self) -> None:
        """Take in what the catalogue knows now."""
        places: dict[str, list[_Place]] = {}
        for id_, (configured, told) in self._configured.items():
            known = self._catalogue.inventory(id_)
            upstream = replace(configured, slots=known.slots) if known and not told.slots else configured
            self._upstreams[id_] = upstream
            for name, place in _places(upstream, told, self._catalogue):
                places.setdefault(name, []).append(place)
        self._places = {name: tuple(found) for name, found in places.items()}

    def choose(self, ask: Ask, model: str, excluded: frozenset[str]) -> Choice | NoChoice:
        """See ``seams.Chooser``; ties go round."""
        places = self._places.get(model)
        if places is None:
            return self._absent(model)
        free = [place for place in places if place.upstream.id not in excluded]
        if not free:
            return NoChoice(Absence.AWAY, f"no upstream that has {model} is well")
        self._turn += 1
        turned = free if len(free) == 1 else free[self._turn % len(free) :] + free[: self._turn % len(free)]
        best = min(turned, key=self._load)
        own = best.own or model
        return Choice(best.upstream, own, model, 0.0 - self._load(best)[1], "least busy", best.context_length)

    def began(self, ask: Ask, choice: Choice) -> None:
        """See ``seams.Chooser``."""
        self._in_flight[choice.upstream.id] += 1

    def first_token(self, ask: Ask, choice: Choice) -> None:
        """See ``seams.Chooser``; nothing is learned of it here."""

    def ended(self, ask: Ask, choice: Choice, *, ok: bool, usage: Usage) -> None:
        """See ``seams.Chooser``."""
        self._in_flight[choice.upstream.id] -= 1

    def knows(self, model: str) -> bool:
        """See ``seams.Chooser``. While an upstream has never said what it has, it may have anything."""
        return model in self._places or self._unheard()

    def upstreams(self) -> Sequence[Upstream]:
        """See ``seams.Chooser``."""
        return list(self._upstreams.values())

    def models(self) -> Mapping[str, Sequence[Upstream]]:
        """See ``seams.Chooser``."""
        return {name: [place.upstream for place in places] for name, places in self._places.items()}

    def slots(self, model: str) -> int | None:
        """See ``seams.Chooser``."""
        counts = [place.upstream.slots for place in self._places.get(model, ())]
        told = [count for count in counts if count is not None]
        return sum(told) if told and len(told) == len(counts) else None

    def _absent(self, model: str) -> NoChoice:
        if self._unheard():
            return NoChoice(Absence.AWAY, f"no upstream that answers has {model}, and some do not answer")
        near = difflib.get_close_matches(model, self._places, n=_NEAR, cutoff=0.5)
        return NoChoice(Absence.UNKNOWN, f"no upstream has {model}", tuple(near))

    def _unheard(self) -> bool:
        return any(
            not told.models and self._catalogue.inventory(upstream.id) is None
            for upstream, told in self._configured.values()
        )

    def _load(self, place: _Place) -> tuple[bool, float]:
        """Whether the upstream is away as far as is known, and requests for each of its slots."""
        id_ = place.upstream.id
        return id_ in self._catalogue.errors(), self._in_flight[id_] / (place.upstream.slots or 1)


def _upstreams(listed: Sequence[UpstreamSettings]) -> Iterator[tuple[Upstream, UpstreamSettings]]:
    for told in listed:
        name = told.name or urlsplit(told.url).netloc.rpartition("@")[2]
        # With /v1 is how clients of OpenAI are told of a server; the router knows the paths itself.
        url = told.url.rstrip("/").removesuffix("/v1")
        yield Upstream(name, name, url, told.kind, told.slots, told.key.get_secret_value()), told


def _places(upstream: Upstream, told: UpstreamSettings, catalogue: Catalogue) -> Iterator[tuple[str, _Place]]:
    """Yield the names under which clients may ask an upstream, and what each means."""
    known = catalogue.inventory(upstream.id)
    models = known.models if known else {}
    if told.models:
        for entry in told.models:
            name, _, own = entry.partition("=")
            model = models.get(own or name) or models.get(f"{own or name}:latest")
            yield name, _Place(upstream, own, model.context_length if model else None)
        return
    for name, model in models.items():
        place = _Place(upstream, "", model.context_length)
        yield name, place
        if upstream.kind == "ollama" and plain_name(name) != name:
            yield plain_name(name), place
