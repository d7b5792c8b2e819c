"""LM Studio: its own list of models, ``/api/v1/models`` (0.4) or ``/api/v0/models`` (0.3.6); no counters."""

import re
from collections.abc import Mapping
from typing import Any

from producers.node.runtimes.http import BadAnswer, RuntimeHttp, items, mapping, number, text
from producers.node.runtimes.runtime import Description, Live
from schemas.events.node_registered import AvailableModel
from schemas.events.node_sample import LoadedModel
from schemas.events.reading import NAN

_PARAMETERS = re.compile(r"([\d.]{1,8})\s*([KMBT])", re.IGNORECASE)
_SCALE = {"K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}


def parameters(told: Any) -> float:  # noqa: ANN401 - whatever JSON holds
    """Return the number that a text such as 7B or 270M means, else NaN."""
    found = _PARAMETERS.fullmatch(text(told).strip())
    try:
        return float(found.group(1)) * _SCALE[found.group(2).upper()] if found else NAN
    except ValueError:
        return NAN


def describe(answer: Mapping[str, Any]) -> Description:
    """Return the models of either version's list.

    Raises:
        BadAnswer: it is neither.
    """
    if isinstance(answer.get("models"), list):
        models = [each for each in items(answer["models"]) if text(each.get("key"))]
        return Description(
            loaded=tuple(each for model in models for each in _instances(model)),
            available=tuple(map(_available, models)),
        )
    if isinstance(answer.get("data"), list):
        models = [each for each in items(answer["data"]) if text(each.get("id"))]
        return Description(
            loaded=tuple(_loaded_v0(each) for each in models if each.get("state") == "loaded"),
            available=tuple(map(_available_v0, models)),
        )
    raise BadAnswer("the answer names no models")


def _instances(model: Mapping[str, Any]) -> list[LoadedModel]:
    return [
        LoadedModel(
            text(each.get("id")) or text(model["key"]),
            size_bytes=number(model.get("size_bytes")),
            context_length=number(mapping(each.get("config")).get("context_length")),
        )
        for each in items(model.get("loaded_instances"))
    ]


def _available(model: Mapping[str, Any]) -> AvailableModel:
    return AvailableModel(
        text(model["key"]),
        "",
        text(model.get("architecture")),
        text(mapping(model.get("quantization")).get("name")),
        loaded=bool(items(model.get("loaded_instances"))),
        size_bytes=number(model.get("size_bytes")),
        parameters=parameters(model.get("params_string")),
        context_length=number(model.get("max_context_length")),
    )


def _loaded_v0(model: Mapping[str, Any]) -> LoadedModel:
    return LoadedModel(text(model["id"]), context_length=number(model.get("loaded_context_length")))


def _available_v0(model: Mapping[str, Any]) -> AvailableModel:
    return AvailableModel(
        text(model["id"]),
        "",
        text(model.get("arch")),
        text(model.get("quantization")),
        loaded=model.get("state") == "loaded",
        context_length=number(model.get("max_context_length")),
    )


class LmStudio:
    """One server. Its models come and go, so the list is the live reading."""

    async def live(self, http: RuntimeHttp) -> Live:
        """Return the models in memory."""
        return Live(loaded=(await self.describe(http)).loaded)

    async def describe(self, http: RuntimeHttp) -> Description:
        """Return the models."""
        try:
            return describe(await http.json("/api/v1/models"))
        except BadAnswer:
            return describe(await http.json("/api/v0/models"))
