"""What one upstream has, as it says itself."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from api.router.abilities import ABLE, denied_by_llamacpp, denied_by_ollama, thinks_by_ollama
from api.router.seams import Upstream
from api.router.upstream.client import Client
from api.router.upstream.fault import Fault

Fields = Mapping[str, Any]

_MOST_SHOWN = 16
"""Models that an Ollama is asked about at once; the others' turn is the next time."""


@dataclass(frozen=True, slots=True)
class Model:
    """A model of an upstream.

    Attributes:
        name: as the upstream calls it.
        listed: what the upstream lists of it: an entry of /api/tags or /v1/models.
        running: the entry of /api/ps where Ollama has it loaded.
        context_length: of the loaded model, tokens; None where it is not loaded or that is not told.
        lacks: what its runtime says that it cannot do; see ``abilities``.
        thinks: whether it thinks before it answers, as its runtime says; None where that is not told.
        shown: it was asked what it can do; the others may be able to do anything.
    """

    name: str
    listed: Fields
    running: Fields | None = None
    context_length: int | None = None
    lacks: frozenset[str] = ABLE
    thinks: bool | None = None
    shown: bool = False


@dataclass(frozen=True, slots=True)
class Inventory:
    """What an upstream said last; ``slots`` is how many requests it serves at once, where it tells."""

    models: Mapping[str, Model] = field(default_factory=dict)
    version: str = ""
    slots: int | None = None


async def read(client: Client, upstream: Upstream, before: Inventory | None = None) -> Inventory:
    """Ask an upstream what it has; ``before`` is what it said last.

    Raises:
        Fault: it does not say.
    """
    if upstream.kind == "ollama":
        return await _ollama(client, upstream, before or Inventory())
    listed = await client.ask(upstream, "/v1/models")
    models = (_openai_model(entry) for entry in _entries(listed, "data"))
    slots, lacks = None, ABLE
    if upstream.kind == "llamacpp":
        properties = await _if_told(client, upstream, "/props")
        slots, lacks = _slots(properties), denied_by_llamacpp(properties)
    return Inventory({model.name: replace(model, lacks=lacks) for model in models if model.name}, slots=slots)


async def shown(client: Client, upstream: Upstream, known: Inventory) -> Inventory:
    """Ask an Ollama what some of its models can do that were not asked about yet."""
    new = [model for model in known.models.values() if not model.shown] if upstream.kind == "ollama" else []
    if not new:
        return known
    asked = await asyncio.gather(*(_shown(client, upstream, model) for model in new[:_MOST_SHOWN]))
    return replace(known, models={**known.models, **{model.name: model for model in asked}})


async def _shown(client: Client, upstream: Upstream, model: Model) -> Model:
    told = await _if_told(client, upstream, "/api/show", {"model": model.name})
    capabilities = told.get("capabilities") if isinstance(told, dict) else None
    lacks, thinks = denied_by_ollama(capabilities), thinks_by_ollama(capabilities)
    return replace(model, lacks=lacks, thinks=thinks, shown=True)


async def _ollama(client: Client, upstream: Upstream, before: Inventory) -> Inventory:
    tags, running, version = await asyncio.gather(
        client.ask(upstream, "/api/tags"),
        _if_told(client, upstream, "/api/ps"),
        _if_told(client, upstream, "/api/version"),
    )
    loaded = {_name(entry): entry for entry in _entries(running, "models")}
    models = (_ollama_model(entry, loaded, before) for entry in _entries(tags, "models"))
    told = version.get("version") if isinstance(version, dict) else ""
    return Inventory({model.name: model for model in models if model.name}, version=str(told or ""))


async def _if_told(client: Client, upstream: Upstream, path: str, body: Any = None) -> Any:  # noqa: ANN401 - JSON
    """Return what is good to know; None where an upstream does not tell, as older ones do not."""
    try:
        return await client.ask(upstream, path, body)
    except Fault:
        return None


def _slots(properties: object) -> int | None:
    found = properties.get("total_slots") if isinstance(properties, dict) else None
    return found if isinstance(found, int) and found > 0 else None


def _ollama_model(entry: Fields, loaded: Mapping[str, Fields], before: Inventory) -> Model:
    name = _name(entry)
    running = loaded.get(name)
    context = _positive(running.get("context_length")) if running else None
    known = before.models.get(name)
    if known is None or known.listed.get("digest") != entry.get("digest"):
        return Model(name, entry, running, context)
    return Model(name, entry, running, context, known.lacks, known.thinks, known.shown)


def _openai_model(entry: Fields) -> Model:
    name = entry.get("id")
    return Model(name if isinstance(name, str) else "", entry, None, _positive(entry.get("max_model_len")))


def _entries(answer: object, name: str) -> Iterator[Fields]:
    listed = answer.get(name) if isinstance(answer, dict) else None
    for entry in listed if isinstance(listed, list) else ():
        if isinstance(entry, dict):
            yield entry


def _name(entry: Fields) -> str:
    found = entry.get("model") or entry.get("name")
    return found if isinstance(found, str) else ""


def _positive(found: object) -> int | None:
    return found if isinstance(found, int) and not isinstance(found, bool) and found > 0 else None
