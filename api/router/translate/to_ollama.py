"""Requests of OpenAI's dialect for an upstream of Ollama's."""

from collections.abc import Mapping
from typing import Any

from api.router.ask import Ask
from api.router.errors import invalid
from api.router.translate import parts

Fields = Mapping[str, Any]

# OpenAI's name, and those that its servers added, to Ollama's option.
_OPTIONS = {
    "temperature": "temperature",
    "top_p": "top_p",
    "top_k": "top_k",
    "min_p": "min_p",
    "typical_p": "typical_p",
    "seed": "seed",
    "presence_penalty": "presence_penalty",
    "frequency_penalty": "frequency_penalty",
    "repetition_penalty": "repeat_penalty",
    "repeat_penalty": "repeat_penalty",
    "max_tokens": "num_predict",
    "max_completion_tokens": "num_predict",
}
_EFFORTS = {"none": False, "minimal": "low", "xhigh": "high"}
# What is translated here, or has no meaning beyond the router. All else passes as it is: what Ollama has of
# its own and clients put beside OpenAI's fields, such as keep_alive, and what nobody knows.
_TRANSLATED = frozenset(
    (
        *(*_OPTIONS, "model", "messages", "prompt", "input", "suffix", "tools", "tool_choice"),
        *("response_format", "logprobs", "top_logprobs", "stop", "stream", "stream_options", "options", "n"),
        *("reasoning_effort", "reasoning", "encoding_format", "models", "fallback_models"),
    )
)
_IMPOSSIBLE = ("logit_bias", "audio", "functions", "function_call", "prediction", "web_search_options")


def chat(ask: Ask, model: str) -> dict[str, Any]:
    """Return the body of /api/chat.

    Raises:
        Declined: the request needs what Ollama cannot do, or is of the wrong types.
    """
    fields = ask.fields
    names: dict[str, str] = {}
    messages = [_message(message, names) for message in fields["messages"]]
    body = _common(ask, model)
    body["messages"] = messages
    tools = _tools(fields)
    if tools:
        body["tools"] = tools
    if (form := _format(fields.get("response_format"))) is not None:
        body["format"] = form
    if fields.get("logprobs"):
        body["logprobs"] = True
        if fields.get("top_logprobs"):
            body["top_logprobs"] = fields["top_logprobs"]
    return body


def generate(ask: Ask, model: str) -> dict[str, Any]:
    """Return the body of /api/generate for an older completion: its prompt is taken as it is.

    Raises:
        Declined: as ``chat`` does.
    """
    fields = ask.fields
    prompt = fields.get("prompt", "")
    if isinstance(prompt, list) and len(prompt) == 1:
        prompt = prompt[0]
    if not isinstance(prompt, str):
        raise invalid("an Ollama upstream takes one prompt, which is a text", "prompt")
    _refuse(fields, ("echo", "best_of"))
    body = _common(ask, model)
    body["prompt"] = prompt
    if fields.get("suffix"):
        body["suffix"] = fields["suffix"]
    else:
        body["raw"] = True
    if fields.get("logprobs"):
        body["logprobs"] = True
        body["top_logprobs"] = fields["logprobs"]
    return body


def embed(ask: Ask, model: str) -> dict[str, Any]:
    """Return the body of /api/embed.

    Raises:
        Declined: the input is not text.
    """
    found = ask.fields["input"]
    listed = found if isinstance(found, list) else [found]
    if not listed or not all(isinstance(entry, str) for entry in listed):
        raise invalid("an Ollama upstream takes an input of one text or more", "input")
    options = ask.fields.get("options")
    return {
        **_others(ask.fields),
        "model": model,
        "input": listed,
        **({"options": options} if options else {}),
    }


def _common(ask: Ask, model: str) -> dict[str, Any]:
    fields = ask.fields
    _refuse(fields, _IMPOSSIBLE)
    if fields.get("n") not in (None, 1):
        raise invalid("an Ollama upstream gives one answer to a request: n is 1", "n")
    body: dict[str, Any] = {**_others(fields), "model": model, "stream": ask.stream}
    options = dict(fields.get("options") or {})
    for name, option in _OPTIONS.items():
        if fields.get(name) is not None:
            options[option] = fields[name]
    if fields.get("stop") is not None:
        stop = fields["stop"]
        options["stop"] = stop if isinstance(stop, list) else [stop]
    if options:
        body["options"] = options
    effort = fields.get("reasoning_effort") or _effort(fields.get("reasoning"))
    if effort is not None and "think" not in fields:
        body["think"] = _EFFORTS.get(effort, effort)
    return body


def _others(fields: Fields) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name not in _TRANSLATED}


def _effort(reasoning: object) -> Any:  # noqa: ANN401 - as the client wrote it
    return reasoning.get("effort") if isinstance(reasoning, dict) else None


def _refuse(fields: Fields, names: tuple[str, ...]) -> None:
    for name in names:
        if fields.get(name):
            raise invalid(f"an Ollama upstream has no {name}", name)


def _tools(fields: Fields) -> Any:  # noqa: ANN401 - as the client wrote it
    """Return the tools that the client allows: Ollama has no tool_choice, so forbidden ones are left out.

    Raises:
        Declined: tools is no list, or tool_choice names none of them.
    """
    tools, choice = fields.get("tools"), fields.get("tool_choice")
    if not tools or choice == "none":
        return None
    if not isinstance(tools, list):
        raise invalid("tools is a list", "tools")
    if choice in (None, "auto"):
        return tools
    named = _named(choice)
    kept = [tool for tool in tools if _named(tool) == named] if named else tools
    if not kept:
        raise invalid(f"tool_choice names {named!r}, which is not among tools", "tool_choice")
    # "required", or one by its name: only what is allowed is offered; the model may still answer in words.
    return kept


def _named(choice: object) -> str:
    function = choice.get("function") if isinstance(choice, dict) else None
    name = function.get("name") if isinstance(function, dict) else None
    return name if isinstance(name, str) else ""


def _format(wanted: object) -> Any:  # noqa: ANN401 - a schema, or the word json
    if not isinstance(wanted, dict) or wanted.get("type") == "text":
        return None
    if wanted.get("type") == "json_object":
        return "json"
    schema = wanted.get("json_schema")
    if wanted.get("type") != "json_schema" or not isinstance(schema, dict):
        raise invalid("response_format is of type text, json_object or json_schema", "response_format")
    return schema.get("schema", {})


def _message(message: Fields, names: dict[str, str]) -> dict[str, Any]:
    """Translate a message; ``names`` gathers the functions of calls by id, for the results that follow."""
    text, images = parts.text_and_images(message.get("content"))
    role = message.get("role")
    found: dict[str, Any] = {"role": "system" if role == "developer" else role, "content": text}
    if images:
        found["images"] = images
    thinking = message.get("reasoning_content") or message.get("reasoning")
    if isinstance(thinking, str):
        found["thinking"] = thinking
    if message.get("tool_calls"):
        found["tool_calls"] = parts.calls_to_ollama(message["tool_calls"])
        for call in found["tool_calls"]:
            names[call.get("id", "")] = call["function"].get("name", "")
    if role == "tool":
        name = message.get("name") or names.get(str(message.get("tool_call_id")), "")
        found.update({"tool_name": name} if name else {})
        if message.get("tool_call_id"):
            found["tool_call_id"] = message["tool_call_id"]
    return found
