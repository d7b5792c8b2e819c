"""llama.cpp: ``/health``, ``/slots``, ``/metrics``, ``/props`` and ``/v1/models``, each optional there.

``tokens_predicted_total`` moves when a request ends, so a long answer would show as nothing for a minute and
then as a thousand tokens a second. What the busy slots have written so far is added from ``/slots``.
While a long prompt is read neither ``/slots`` nor ``/metrics`` answers: those readings are then unknown.
"""

import asyncio
import re
from collections.abc import Mapping, Sequence
from typing import Any

from producers.node.runtimes.http import BadAnswer, RuntimeHttp, items, mapping, number, text
from producers.node.runtimes.metrics_page import Table, live
from producers.node.runtimes.openai_compatible import listed
from producers.node.runtimes.prometheus import TooManySeries, parse
from producers.node.runtimes.runtime import Description, Live
from schemas.events.node_registered import AvailableModel
from schemas.events.node_sample import LoadedModel
from schemas.events.reading import NAN

_GENERATED = "llamacpp:tokens_predicted_total"
# ftype of a file name, such as tinyllama-1.1b.Q4_K_M.gguf
_QUANTIZATION = re.compile(
    r"(?:^|[-._])((?:I?Q\d+(?:_[A-Z0-9]+)*)|BF16|F16|F32|MXFP4)(?=[-._]|$)", re.IGNORECASE
)

TABLE = Table(
    running=("llamacpp:requests_processing",),
    waiting=("llamacpp:requests_deferred",),
    kv_cache=("llamacpp:kv_cache_usage_ratio",),  # until 2025
    counts={
        "prompt_tokens": ("llamacpp:prompt_tokens_total",),
        "generation_tokens": (_GENERATED,),
        "cached_prompt_tokens": ("llamacpp:prompt_tokens_cached_total",),
    },
)


class Written:
    """Tokens written, unfinished answers included: it never falls while the counter does not.

    The slots are read after the counter: a request that ends between them is missing until the next reading.
    The other way round it would be counted twice, and an answer of thousands of tokens would seem to take
    no time.
    """

    def __init__(self) -> None:
        self._counter = self._most = 0.0

    def observe(self, counter: float, slots: Sequence[Mapping[str, Any]]) -> float:
        """Return the tokens written since the server began; ``counter`` is of ended requests."""
        if counter < self._counter:
            self._most = 0.0  # another process
        self._counter = counter
        self._most = max(self._most, counter + sum(written(slot) for slot in slots if busy(slot)))
        return self._most


def busy(slot: Mapping[str, Any]) -> bool:
    """Return whether a slot works; ``state`` is how it was told until b4027."""
    return slot.get("is_processing") is True or slot.get("state") == 1


def written(slot: Mapping[str, Any]) -> float:
    """Return the tokens that the slot's request has so far."""
    token = slot.get("next_token")
    found = number(mapping(token[0] if isinstance(token, list) and token else token).get("n_decoded"))
    return found if found >= 0 else 0.0


def readings(page: str | None, slots: Sequence[Mapping[str, Any]] | None, so_far: Written) -> Live:
    """Return what a metrics page and the slots tell, where either is there.

    Raises:
        BadAnswer: the page has more series than any llama.cpp.
    """
    try:
        found = live(TABLE, parse(page or "", TABLE.names))
    except TooManySeries as exc:
        raise BadAnswer(f"/metrics has {exc}") from exc
    counts = tuple(
        count._replace(value=so_far.observe(count.value, slots or ()))
        if count.series.startswith(_GENERATED)
        else count
        for count in found.counts
    )
    return Live(
        requests_running=float(sum(map(busy, slots))) if slots is not None else found.requests_running,
        requests_waiting=found.requests_waiting,
        slots=float(len(slots)) if slots is not None else NAN,
        kv_cache_ratio=found.kv_cache_ratio,
        counts=counts,
    )


def quantization(path: str) -> str:
    """Return what the name of a model's file says of its quantisation, else nothing."""
    found = _QUANTIZATION.search(re.split(r"[/\\]", path)[-1])
    return found.group(1).upper() if found else ""


def _usual(ftype: str) -> str:
    """Return the first word that says something: ``all F32`` and ``Q4_K - Medium`` are how it is told."""
    return next((word for word in ftype.split() if any(map(str.isdigit, word))), "")


def describe(models: Sequence[Mapping[str, Any]], props: Mapping[str, Any]) -> Description:
    """Return what ``/v1/models`` and ``/props`` tell."""
    path = text(props.get("model_path"))
    context = number(mapping(props.get("default_generation_settings")).get("n_ctx"))
    loaded, available = [], []
    for model in models:
        meta, name = mapping(model.get("meta")), text(model["id"])
        in_memory = (
            mapping(model.get("status")).get("value", "loaded") == "loaded"
        )  # a router names others too
        if in_memory:
            loaded.append(LoadedModel(name, size_bytes=number(meta.get("size")), context_length=context))
        available.append(
            AvailableModel(
                name, "", "", quantization(path or name) or _usual(text(meta.get("ftype"))), in_memory,
                size_bytes=number(meta.get("size")),
                parameters=number(meta.get("n_params")),
                context_length=number(meta.get("n_ctx_train")),
                embedding_length=number(meta.get("n_embd")),
            )
        )  # fmt: skip
    slots = number(props.get("total_slots"))
    return Description(text(props.get("build_info")), slots, tuple(loaded), tuple(available))


class LlamaCpp:
    """One server."""

    def __init__(self) -> None:
        self._written = Written()

    async def live(self, http: RuntimeHttp) -> Live:
        """Return the readings; it answers if its health or its slots do."""
        health, page = await asyncio.gather(
            http.json("/health"), http.page("/metrics"), return_exceptions=True
        )
        slots = await _slots(http)
        _raise_if_away(health, page)
        if isinstance(health, BadAnswer) and slots is None:
            raise health
        return readings(page if isinstance(page, str) else None, slots, self._written)

    async def describe(self, http: RuntimeHttp) -> Description:
        """Return build, slots and models, as far as told."""
        models, props = await asyncio.gather(
            http.value("/v1/models"), http.json("/props"), return_exceptions=True
        )
        _raise_if_away(models, props)
        return describe(
            [] if isinstance(models, BaseException) else listed(models),
            {} if isinstance(props, BaseException) else props,
        )


async def _slots(http: RuntimeHttp) -> Sequence[Mapping[str, Any]] | None:
    try:
        found = await http.value("/slots")
    except BadAnswer:
        return None
    return items(found) if isinstance(found, list) else None


def _raise_if_away(*answers: object) -> None:
    """Let pass what is missing; a server that is away, or a fault of ours, is not that."""
    for each in answers:
        if isinstance(each, BaseException) and not isinstance(each, BadAnswer):
            raise each
