"""Asks a server what it is: no port and no name of a process is proof."""

import json
from typing import Any

from producers.node.runtimes.http import Answer, BadAnswer, RuntimeHttp, text
from producers.node.runtimes.openai_compatible import listed
from producers.node.runtimes.target import Kind

# What names itself in the header Server, and in owned_by of its models.
_SERVERS: dict[str, Kind] = {"llama.cpp": "llamacpp", "llama-box": "llamabox"}
_OWNERS: dict[str, Kind] = {
    "vllm": "vllm",
    "sglang": "sglang",
    "llamacpp": "llamacpp",
    "llama-box": "llamabox",
}
_PREFIXES: dict[str, Kind] = {
    "vllm:": "vllm",
    "sglang:": "sglang",
    "llamacpp:": "llamacpp",
    "llamabox:": "llamabox",
}


async def identify(http: RuntimeHttp, expected: Kind | None = None) -> Kind | None:
    """Return what answers, or nothing where it is no runtime; ``expected`` is asked for first.

    A server that only speaks OpenAI's language is ``openai``.

    Raises:
        NobodyThere: nothing listens.
    """
    if expected == "ollama" and await _is_ollama(http):
        return "ollama"
    models = await _models(http)
    if kind := _by_models(models):
        return kind
    if expected != "ollama" and await _is_ollama(http):
        return "ollama"
    if await _is_lmstudio(http):
        return "lmstudio"
    return await _by_metrics(http) or ("openai" if _names_models(models) else None)


async def _models(http: RuntimeHttp) -> Answer:
    try:
        return await http.answer("/v1/models")
    except BadAnswer:
        return Answer(0, "", b"")


def _by_models(answer: Answer) -> Kind | None:
    for name, kind in _SERVERS.items():
        if answer.server.lower().startswith(name):  # even while it loads, or asks for a key
            return kind
    try:
        owners = [text(each.get("owned_by")).lower() for each in listed(_json(answer))]
    except BadAnswer:
        return None
    return next((_OWNERS[owner] for owner in owners if owner in _OWNERS), None)


def _names_models(answer: Answer) -> bool:
    try:
        listed(_json(answer))
    except BadAnswer:
        return False
    return answer.status == 200


def _json(answer: Answer) -> Any:  # noqa: ANN401 - whatever JSON holds
    try:
        return json.loads(answer.content)
    except (ValueError, RecursionError) as exc:
        raise BadAnswer("no JSON") from exc


async def _is_ollama(http: RuntimeHttp) -> bool:
    try:
        return bool(text((await http.json("/api/version")).get("version")))
    except BadAnswer:
        return False


async def _is_lmstudio(http: RuntimeHttp) -> bool:
    for path, names, mark in (("/api/v1/models", "models", "key"), ("/api/v0/models", "data", "state")):
        try:
            found = (await http.json(path)).get(names)
        except BadAnswer:
            continue
        if isinstance(found, list) and all(isinstance(each, dict) and mark in each for each in found):
            return True
    return False


async def _by_metrics(http: RuntimeHttp) -> Kind | None:
    """Return what a metrics page belongs to: it is open where the models ask for a key."""
    try:
        page = await http.page("/metrics")
    except BadAnswer:
        return None
    return next((kind for prefix, kind in _PREFIXES.items() if f"\n{prefix}" in f"\n{page}"), None)
