"""Requests of Ollama's dialect for an upstream of OpenAI's."""

from collections.abc import Mapping
from typing import Any

from api.router.ask import Ask, Task
from api.router.errors import invalid
from api.router.translate import parts

Fields = Mapping[str, Any]

# Ollama's option to the name that vLLM, SGLang and llama.cpp know; OpenAI itself knows the first six.
_OPTIONS = {
    "temperature": "temperature",
    "top_p": "top_p",
    "seed": "seed",
    "stop": "stop",
    "presence_penalty": "presence_penalty",
    "frequency_penalty": "frequency_penalty",
    "top_k": "top_k",
    "min_p": "min_p",
    "typical_p": "typical_p",
}
_REPETITION = {"llamacpp": "repeat_penalty"}
# These act when a model is loaded, or say how Ollama runs it; the upstream has loaded its own already.
_LOADING = frozenset(
    {"num_ctx", "num_batch", "num_gpu", "main_gpu", "num_thread", "use_mmap", "use_mlock", "low_vram", "numa"}
)
_KNOWN = frozenset({
    "model", "messages", "prompt", "suffix", "images", "tools", "format", "options", "stream", "think",
    "keep_alive", "raw", "system", "template", "context", "truncate", "logprobs", "top_logprobs", "input",
    "dimensions", "shift",
})  # fmt: skip


def raw(ask: Ask) -> bool:
    """Tell whether a generation's prompt is to be taken as it is, without the model's template."""
    return ask.task is Task.GENERATE and bool(ask.fields.get("raw") or ask.fields.get("suffix"))


def only_loads(ask: Ask) -> bool:
    """Tell whether a request has nothing to answer: in Ollama's dialect it loads a model, or unloads it."""
    fields = ask.fields
    if ask.task is Task.CHAT:
        return not fields.get("messages")
    return ask.task is Task.GENERATE and not fields.get("prompt") and not fields.get("images")


def chat(ask: Ask, model: str, kind: str) -> dict[str, Any]:
    """Return the body of /v1/chat/completions for a chat, or for a generation.

    Raises:
        Declined: a field is of the wrong type.
    """
    fields = ask.fields
    body = _common(ask, model, kind)
    if ask.task is Task.CHAT:
        body["messages"] = _Messages(ask.request_id).translate(fields["messages"])
    else:
        body["messages"] = _prompt_messages(fields)
    if fields.get("tools"):
        body["tools"] = fields["tools"]
    body.update(_thinking(fields.get("think"), kind))
    if fields.get("logprobs"):
        body["logprobs"] = True
        if fields.get("top_logprobs"):
            body["top_logprobs"] = fields["top_logprobs"]
    return body


def completion(ask: Ask, model: str, kind: str) -> dict[str, Any]:
    """Return the body of /v1/completions for a generation whose prompt is taken as it is."""
    body = _common(ask, model, kind)
    body["prompt"] = ask.fields.get("prompt", "")
    if ask.fields.get("suffix"):
        body["suffix"] = ask.fields["suffix"]
    if ask.fields.get("logprobs"):
        body["logprobs"] = ask.fields.get("top_logprobs") or 1
    return body


def embed(ask: Ask, model: str, kind: str) -> dict[str, Any]:
    """Return the body of /v1/embeddings; llama.cpp knows no dimensions."""
    fields = ask.fields
    body = {"model": model, "input": fields.get("input", fields.get("prompt")), "encoding_format": "float"}
    if fields.get("dimensions") is not None and kind != "llamacpp":
        body["dimensions"] = fields["dimensions"]
    return body


def _common(ask: Ask, model: str, kind: str) -> dict[str, Any]:
    fields = ask.fields
    body = {name: value for name, value in fields.items() if name not in _KNOWN}
    body["model"] = model
    body["stream"] = ask.stream
    if ask.stream:
        body["stream_options"] = {"include_usage": True}
    body.update(_options(fields.get("options") or {}, kind))
    if (form := _format(fields.get("format"))) is not None:
        body["response_format"] = form
    return body


def _options(options: Fields, kind: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in options.items():
        if name in _LOADING or value is None:
            continue
        if name == "num_predict":
            if isinstance(value, int) and value >= 0:  # -1 and -2 are no limit, which is what nothing says
                found["max_tokens"] = value
        elif name == "repeat_penalty":
            found[_REPETITION.get(kind, "repetition_penalty")] = value
        else:
            found[_OPTIONS.get(name, name)] = value
    return found


def _format(wanted: object) -> dict[str, Any] | None:
    if wanted in (None, ""):
        return None
    if wanted == "json":
        return {"type": "json_object"}
    if not isinstance(wanted, dict):
        raise invalid('format is "json" or a JSON schema', "format")
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": wanted, "strict": True}}


def _thinking(think: object, kind: str) -> dict[str, Any]:
    """Ollama's ``think`` as the servers know it: a level, or a switch of the model's chat template.

    OpenAI's own API refuses fields that it does not know, and has levels alone.
    """
    if think is None:
        return {}
    if isinstance(think, str):
        return {"reasoning_effort": think}
    if kind == "openai":
        return {"reasoning_effort": "medium" if think else "none"}
    return {"chat_template_kwargs": {"enable_thinking": bool(think)}}


def _prompt_messages(fields: Fields) -> list[dict[str, Any]]:
    prompt = fields.get("prompt", "")
    if not isinstance(prompt, str):
        raise invalid("prompt is a text", "prompt")
    found = [{"role": "user", "content": parts.content_parts(prompt, fields.get("images"))}]
    system = fields.get("system")
    return [{"role": "system", "content": system}, *found] if system else found


class _Messages:
    """Ollama's results of tools name the function; OpenAI's name the call: ids are given out in order."""

    def __init__(self, request_id: str) -> None:
        self._request_id = request_id
        self._given = 0
        self._waiting: list[tuple[str, str]] = []

    def translate(self, messages: list[Fields]) -> list[dict[str, Any]]:
        return [self._message(message) for message in messages]

    def _message(self, message: Fields) -> dict[str, Any]:
        text = message.get("content")
        found: dict[str, Any] = {
            "role": message.get("role"),
            "content": parts.content_parts(text if isinstance(text, str) else "", message.get("images")),
        }
        if message.get("tool_calls"):
            calls = list(parts.calls_to_openai(message["tool_calls"], self._request_id, self._given))
            self._given += len(calls)
            self._waiting += [(call["function"]["name"], call["id"]) for call in calls]
            found["tool_calls"] = calls
            found["content"] = found["content"] or None
        if isinstance(message.get("thinking"), str):
            found["reasoning_content"] = message["thinking"]
        if message.get("role") == "tool":
            found["tool_call_id"] = message.get("tool_call_id") or self._answered(message.get("tool_name"))
        return found

    def _answered(self, name: object) -> str:
        """Return the id of the first call that still waits for a result, of this name where there is one."""
        for entry in self._waiting:
            if entry[0] == name or not name:
                self._waiting.remove(entry)
                return entry[1]
        return self._waiting.pop(0)[1] if self._waiting else f"call_{self._request_id[:16]}"
