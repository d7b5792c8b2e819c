"""OpenAI's answers in Ollama's shape, whole."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from api.router.ask import Ask, Task
from api.router.errors import Declined
from api.router.seams import Usage
from api.router.translate import finish, parts

Fields = Mapping[str, Any]


def generation(ask: Ask, answer: Fields, durations: Fields) -> dict[str, Any]:
    """Return the one object of /api/chat or /api/generate; ``durations`` are those of its last line."""
    choice = first_choice(answer)
    told = choice.get("message")
    said: Fields = told if isinstance(told, dict) else {"content": choice.get("text")}
    spoken = message(said)
    probabilities = choice.get("logprobs")
    head = {"model": ask.model, "created_at": now()}
    reason = finish.to_ollama(str(choice.get("finish_reason") or ""))
    tail = {"done": True, "done_reason": reason, **durations}
    if isinstance(probabilities, dict) and isinstance(probabilities.get("content"), list):
        tail["logprobs"] = probabilities["content"]
    return {**head, **spoken_as(ask.task, spoken), **tail}


def loaded(ask: Ask) -> dict[str, Any]:
    """Return the answer to a request that only loads a model: the upstream has its own loaded."""
    head = {"model": ask.model, "created_at": now()}
    return {**head, **spoken_as(ask.task, message({})), "done": True, "done_reason": "load"}


def message(said: Fields) -> dict[str, Any]:
    """Return an assistant's message."""
    found: dict[str, Any] = {"role": "assistant", "content": said.get("content") or ""}
    thinking = said.get("reasoning_content") or said.get("reasoning")
    if thinking:
        found["thinking"] = thinking
    if said.get("tool_calls"):
        found["tool_calls"] = calls(said["tool_calls"])
    return found


def calls(listed: object) -> list[Fields]:
    """Return tool calls; arguments that the model wrote wrongly stay as the text they are."""
    found: list[Fields] = []
    for call in parts.objects(listed):
        function = call.get("function")
        if isinstance(function, dict):
            found.append({
                **({"id": call["id"]} if call.get("id") else {}),
                "function": {"name": function.get("name", ""), "arguments": _arguments(function)},
            })  # fmt: skip
    return found


def spoken_as(task: Task, said: Fields) -> dict[str, Any]:
    """Return a message as /api/chat holds it, or as /api/generate does."""
    if task is Task.CHAT:
        return {"message": dict(said)}
    return {"response": said["content"], **({"thinking": said["thinking"]} if said.get("thinking") else {})}


def durations(
    usage: Usage, *, total_ns: int, first_ns: int | None = None, timings: object = None
) -> dict[str, int]:
    """Return counts and durations of an answer, nanoseconds; what is not known is left out.

    Args:
        usage: as reported.
        total_ns: from sending the request on to its end, as the router measured.
        first_ns: from sending it on to its first token.
        timings: what llama.cpp says of itself, milliseconds; it goes before what the router measured.
    """
    found = {"total_duration": total_ns, "load_duration": 0}
    if usage.prompt_tokens is not None:
        found["prompt_eval_count"] = usage.prompt_tokens
    if usage.completion_tokens is not None:
        found["eval_count"] = usage.completion_tokens
    if first_ns is not None:
        found["prompt_eval_duration"] = first_ns
        found["eval_duration"] = max(0, total_ns - first_ns)
    told = timings if isinstance(timings, dict) else {}
    for name, field in (("prompt_ms", "prompt_eval_duration"), ("predicted_ms", "eval_duration")):
        if isinstance(told.get(name), int | float):
            found[field] = int(told[name] * 1e6)
    return found


def embeddings(ask: Ask, answer: Fields, total_ns: int) -> dict[str, Any]:
    """Return the answer of /api/embed, or of the older /api/embeddings."""
    data = answer.get("data")
    listed = [entry.get("embedding") for entry in parts.objects(data)]
    if ask.path == "/api/embeddings":
        return {"embedding": listed[0] if listed else []}
    usage = answer.get("usage")
    tokens = usage.get("prompt_tokens") if isinstance(usage, dict) else None
    found = {"model": ask.model, "embeddings": listed, "total_duration": total_ns, "load_duration": 0}
    return {**found, **({"prompt_eval_count": tokens} if tokens is not None else {})}


def now() -> str:
    """Return the time as Ollama writes it."""
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def first_choice(answer: Fields) -> Fields:
    """Return the one choice that was asked for; empty where the answer has none."""
    choices = answer.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        return {}
    return choices[0]


def _arguments(function: Fields) -> Any:  # noqa: ANN401 - an object, or what the model wrote
    try:
        return parts.arguments(function.get("arguments"))
    except Declined:
        return function.get("arguments")
