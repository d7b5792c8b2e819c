"""What models there are, in both dialects."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from api.router.ask import plain_name
from api.router.seams import Chooser, Upstream
from api.router.upstream.catalogue import Catalogue
from api.router.upstream.inventory import Model

Fields = Mapping[str, Any]

API_VERSION = "0.17.4"
"""The version of Ollama whose API is served; clients ask it to know what they may use."""
_NO_DETAILS = {
    "parent_model": "",
    "format": "",
    "family": "",
    "families": None,
    "parameter_size": "",
    "quantization_level": "",
}
_EPOCH = "1970-01-01T00:00:00Z"


class Listings:
    """Bodies of the endpoints that list; each model once, however many upstreams have it."""

    def __init__(self, chooser: Chooser, catalogue: Catalogue) -> None:
        self._chooser = chooser
        self._catalogue = catalogue

    def models(self) -> Fields:
        """Return /v1/models."""
        return {"object": "list", "data": [self._model(name) for name in self._names()]}

    def model(self, name: str) -> Fields | None:
        """Return /v1/models/{id}; None where there is none."""
        known = self._chooser.models()
        return self._model(name) if name in known or plain_name(name) in known else None

    def tags(self) -> Fields:
        """Return /api/tags."""
        return {"models": [self._tag(name) for name in self._names()]}

    def running(self) -> Fields:
        """Return /api/ps: models that an Ollama has loaded, and all of the other servers."""
        found: dict[str, Fields] = {}
        for name in self._names():
            for upstream, model in self._at(name):
                if model.running is not None:
                    found.setdefault(name, model.running)
                elif upstream.kind != "ollama":
                    found.setdefault(name, _loaded(name, model))
        return {"models": list(found.values())}

    def version(self) -> Fields:
        """Return /api/version: that of the oldest Ollama there is, for all of them can do what it can."""
        known = self._catalogue.known(self._chooser.upstreams())
        versions = [found.version for _, found in known if found.version]
        return {"version": min(versions, key=_order, default=API_VERSION)}

    def shower(self, name: str) -> Upstream | None:
        """Return an Ollama that can show a model."""
        return next((upstream for upstream, _ in self._at(name) if upstream.kind == "ollama"), None)

    def shown(self, name: str) -> Fields | None:
        """Return /api/show of a model that no Ollama has, as far as it is known; None: there is none."""
        model = next((model for _, model in self._at(name)), None)
        if model is None and self.model(name) is None:
            return None
        context = model.context_length if model else None
        about = {"general.architecture": "", "general.basename": name}
        return {
            "modelfile": "", "parameters": "", "template": "", "details": _NO_DETAILS,
            "model_info": {**about, **({"context_length": context} if context else {})},
            "capabilities": ["completion"], "modified_at": _EPOCH,
        }  # fmt: skip

    def _names(self) -> Sequence[str]:
        """Names of all models, each once: an alias that only lacks Ollama's implied tag is left out."""
        known = self._chooser.models()
        return sorted(name for name in known if name.endswith(":latest") or f"{name}:latest" not in known)

    def _at(self, name: str) -> Iterator[tuple[Upstream, Model]]:
        for upstream in self._chooser.models().get(name, ()):
            known = self._catalogue.inventory(upstream.id)
            models = known.models if known else {}
            model = models.get(name) or models.get(f"{name}:latest")
            if model is not None:
                yield upstream, model

    def _model(self, name: str) -> Fields:
        listed = next((model.listed for _, model in self._at(name)), {})
        created = listed.get("created")
        return {
            "id": name,
            "object": "model",
            "created": created if isinstance(created, int) else _seconds(listed.get("modified_at")),
            "owned_by": str(listed.get("owned_by") or "library"),
        }

    def _tag(self, name: str) -> Fields:
        for upstream, model in self._at(name):
            if upstream.kind == "ollama":
                return model.listed
        listed = next((model.listed for _, model in self._at(name)), {})
        return {
            "name": name, "model": name, "modified_at": _time(listed.get("created")), "size": 0,
            "digest": "", "details": _NO_DETAILS,
        }  # fmt: skip


def _loaded(name: str, model: Model) -> Fields:
    context = {"context_length": model.context_length} if model.context_length else {}
    return {
        "name": name, "model": name, "size": 0, "digest": "", "details": _NO_DETAILS,
        "expires_at": "9999-12-31T23:59:59Z", "size_vram": 0, **context,
    }  # fmt: skip


def _order(version: str) -> tuple[int, ...]:
    numbers = version.split("-")[0].split(".")
    return tuple(int(number) if number.isdigit() else 0 for number in numbers)


def _seconds(written: object) -> int:
    try:
        return int(datetime.fromisoformat(str(written)).timestamp())
    except (ValueError, OverflowError):
        return 0


def _time(created: object) -> str:
    if not isinstance(created, int) or not 0 <= created < 1 << 40:
        return _EPOCH
    try:
        return datetime.fromtimestamp(created, UTC).isoformat().replace("+00:00", "Z")
    except (OSError, OverflowError, ValueError):
        return _EPOCH
