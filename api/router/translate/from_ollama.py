"""Ollama's answers in OpenAI's shape, whole."""

import base64
from array import array
from collections.abc import Mapping
from typing import Any

from api.router.ask import Ask
from api.router.reading import count
from api.router.relay.relay import BrokenAnswerError
from api.router.translate import finish, parts

Fields = Mapping[str, Any]


def chat(ask: Ask, answer: Fields, created_s: int) -> dict[str, Any]:
    """Return a chat.completion."""
    told = answer.get("message")
    said: Fields = told if isinstance(told, dict) else {}
    calls = list(parts.calls_to_openai(said.get("tool_calls"), ask.request_id))
    message: dict[str, Any] = {"role": "assistant", "content": said.get("content") or (None if calls else "")}
    if said.get("thinking"):
        message["reasoning_content"] = said["thinking"]
    if calls:
        message["tool_calls"] = calls
    choice = {
        "index": 0,
        "message": message,
        "logprobs": parts.logprobs(answer.get("logprobs")),
        "finish_reason": finish.to_openai(str(answer.get("done_reason", "")), tools=bool(calls)),
    }
    head = {"id": f"chatcmpl-{ask.request_id}", "object": "chat.completion"}
    return {**head, **_rest(answer, ask, created_s), "choices": [choice], "usage": usage(answer)}


def completion(ask: Ask, answer: Fields, created_s: int) -> dict[str, Any]:
    """Return a text_completion."""
    choice = {
        "index": 0,
        "text": answer.get("response") or "",
        "logprobs": parts.legacy_logprobs(answer.get("logprobs")),
        "finish_reason": finish.to_openai(str(answer.get("done_reason", "")), tools=False),
    }
    head = {"id": f"cmpl-{ask.request_id}", "object": "text_completion"}
    return {**head, **_rest(answer, ask, created_s), "choices": [choice], "usage": usage(answer)}


def embeddings(ask: Ask, answer: Fields) -> dict[str, Any]:
    """Return a list of embeddings, as numbers or as base64, as the client asked."""
    listed = answer.get("embeddings")
    if not isinstance(listed, list):
        raise BrokenAnswerError("the upstream answered without embeddings")
    if ask.fields.get("encoding_format") == "base64":
        listed = [_base64(vector) for vector in listed]
    tokens = count(answer.get("prompt_eval_count")) or 0
    return {
        "object": "list",
        "data": [{"object": "embedding", "index": place, "embedding": v} for place, v in enumerate(listed)],
        "model": answer.get("model") or ask.model,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }


def usage(answer: Fields) -> dict[str, Any] | None:
    """Return the usage; None where Ollama counted nothing. A prompt wholly from the cache has no count."""
    completion_tokens, prompt_tokens = count(answer.get("eval_count")), count(answer.get("prompt_eval_count"))
    if completion_tokens is None and prompt_tokens is None:
        return None
    prompt_tokens, completion_tokens = prompt_tokens or 0, completion_tokens or 0
    return {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
    }


def _rest(answer: Fields, ask: Ask, created_s: int) -> dict[str, Any]:
    return {
        "created": created_s,
        "model": answer.get("model") or ask.model,
        "system_fingerprint": "fp_ollama",
    }


def _base64(vector: object) -> str:
    try:
        numbers = array("f", vector if isinstance(vector, list) else [])
    except (TypeError, OverflowError):
        raise BrokenAnswerError("the upstream's embeddings are no numbers") from None
    return base64.b64encode(numbers.tobytes()).decode()
