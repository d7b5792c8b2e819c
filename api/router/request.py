"""Reads a request: what the router must know of it, checked; what it need not know is passed on as it is."""

import hashlib
import secrets
import time
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import orjson

from api.router import headers as our_headers
from api.router.ask import Ask, Caller, Dialect, Task
from api.router.endpoints import Endpoint
from api.router.errors import invalid

IMAGE_TOKENS = 768
"""An image's part of the estimate; what vision models of today make of one is 256 to some thousands."""
_CHARS_PER_TOKEN = 4
_CHARS_PER_MESSAGE = 16
_PREFIX_CHARS = 4096
"""Prompts whose common beginning is shorter have no prefix: computing it anew costs less than a detour."""
_MOST_FALLBACKS = 8
_LABEL = 200

_DRAWN = 256
_ids: list[str] = []

Fields = Mapping[str, Any]
_NONE: Fields = MappingProxyType({})


def new_id() -> str:
    """Return an id for a request; the system is asked for random bytes of many at once."""
    try:
        return _ids.pop()
    except IndexError:
        drawn = secrets.token_hex(16 * _DRAWN)
        _ids.extend(drawn[start : start + 32] for start in range(0, len(drawn), 32))
        return _ids.pop()


def blank(endpoint: Endpoint, caller: Caller, body: bytes = b"") -> Ask:
    """Return what is known of a request that cannot be read."""
    return Ask(
        new_id(), endpoint.dialect, endpoint.task, endpoint.path, "",
        caller=caller, received_s=time.monotonic(), received_us=time.time_ns() // 1000, body=body,
    )  # fmt: skip


def read(endpoint: Endpoint, headers: Mapping[bytes, bytes], body: bytes, caller: Caller) -> Ask:
    """Return the request.

    Raises:
        Declined: it cannot be read, or a field that the router reads is of the wrong type.
    """
    fields = _object(body)
    said = our_headers.said(headers)
    model = fields.get("model")
    if not isinstance(model, str) or not model:
        raise invalid("model is required, and is a text", "model")
    options = _mapping(fields, "options") if "options" in fields else _NONE
    metadata = _mapping(fields, "metadata") if "metadata" in fields else _NONE
    chars, images = _measure(endpoint, fields)
    return Ask(
        request_id=new_id(),
        dialect=endpoint.dialect,
        task=endpoint.task,
        path=endpoint.path,
        model=model,
        models=_fallbacks(fields, said.models, model) if said.models or _names_others(fields) else (),
        stream=_flag(fields, "stream", endpoint.streams) and endpoint.task is not Task.EMBED,
        caller=caller,
        received_s=time.monotonic(),
        received_us=time.time_ns() // 1000,
        workload=said.workload[:_LABEL] or (_label(metadata, "workload") if metadata else ""),
        session=said.session[:_LABEL] or _session(metadata, fields),
        tags=_tags(said.tags, metadata, fields) if said.tags or metadata or "user" in fields else _NONE,
        priority=said.priority if said.priority is not None else _priority(fields),
        goal=said.goal,
        prompt_tokens=max(1, chars // _CHARS_PER_TOKEN) + images * IMAGE_TOKENS,
        max_tokens=_max_tokens(fields, options),
        num_ctx=_integer(options, "num_ctx") if options else None,
        images=images,
        tools=bool(fields.get("tools")),
        # Most prompts are short: then nothing has to be looked for.
        prefix=_prefix(model, fields) if len(body) >= _PREFIX_CHARS else "",
        patience_s=said.patience_s,
        strict=said.strict,
        resident_fallback=said.resident_fallback,
        body=body,
        fields=fields,
    )


def _object(body: bytes) -> Fields:
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError as exc:
        raise invalid(f"the body is not JSON: {exc}") from None
    if not isinstance(found, dict):
        raise invalid("the body is a JSON object")
    return found


def _mapping(fields: Fields, name: str) -> Fields:
    found = fields.get(name)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise invalid(f"{name} is a JSON object", name)
    return found


def _flag(fields: Fields, name: str, default: bool) -> bool:
    found = fields.get(name)
    if found is None:
        return default
    if not isinstance(found, bool):
        raise invalid(f"{name} is true or false", name)
    return found


def _integer(fields: Fields, name: str) -> int | None:
    found = fields.get(name)
    if found is None:
        return None
    if isinstance(found, bool) or not isinstance(found, int):
        raise invalid(f"{name} is a whole number", name)
    return found


def _label(fields: Fields, name: str) -> str:
    found = fields.get(name)
    return found[:_LABEL] if isinstance(found, str) else ""


def _session(metadata: Fields, fields: Fields) -> str:
    if not metadata and "prompt_cache_key" not in fields:
        return ""
    return _label(metadata, "session") or _label(fields, "prompt_cache_key")


def _priority(fields: Fields) -> int:
    return (_integer(fields, "priority") or 0) if "priority" in fields else 0


def _names_others(fields: Fields) -> bool:
    return "models" in fields or "fallback_models" in fields


def _max_tokens(fields: Fields, options: Fields) -> int | None:
    for name in ("max_completion_tokens", "max_tokens"):
        if name in fields and (found := _integer(fields, name)) is not None:
            return found
    found = _integer(options, "num_predict") if options else None
    return found if found is not None and found > 0 else None  # Ollama's -1 and -2 are no limit


def _fallbacks(fields: Fields, named: tuple[str, ...], model: str) -> tuple[str, ...]:
    """Models to fall back to: the header's, else the body's ``models`` or ``fallback_models``."""
    listed: Any = named
    for name in ("models", "fallback_models"):
        if not listed and name in fields:
            listed = fields[name] or ()
            if not isinstance(listed, list) or not all(isinstance(entry, str) and entry for entry in listed):
                raise invalid(f"{name} is a list of names", name)
    return tuple(entry for entry in dict.fromkeys(listed) if entry != model)[:_MOST_FALLBACKS]


def _tags(header: str, metadata: Fields, fields: Fields) -> Mapping[str, str]:
    listed = metadata.get("tags")
    texts = our_headers.tag_texts(header)
    if isinstance(listed, list):
        texts += tuple(entry for entry in listed if isinstance(entry, str))
    user = _label(fields, "user")
    return our_headers.tags(texts + ((f"user={user}",) if user else ()))


def _measure(endpoint: Endpoint, fields: Fields) -> tuple[int, int]:
    """Return the characters of the prompt, and how many images are in it.

    Raises:
        Declined: what should hold the prompt is of the wrong type, or is not there.
    """
    match endpoint.task:
        case Task.CHAT:
            if fields.get("messages") is None and endpoint.dialect is Dialect.OLLAMA:
                return 0, 0  # loads the model, or unloads it
            return _measure_messages(fields.get("messages"))
        case Task.GENERATE:
            images = fields.get("images")
            return _chars(fields.get("prompt", "")), len(images) if isinstance(images, list) else 0
        case Task.EMBED:
            name = "prompt" if endpoint.path == "/api/embeddings" else "input"
            if fields.get(name) is None:
                raise invalid(f"{name} is required", name)
            return _chars(fields[name]), 0


def _measure_messages(messages: object) -> tuple[int, int]:
    if messages is None:
        raise invalid("messages is required", "messages")
    if not isinstance(messages, list):
        raise invalid("messages is a list", "messages")
    chars = images = 0
    for message in messages:
        if not isinstance(message, dict):
            raise invalid("each of messages is a JSON object", "messages")
        content = message.get("content")
        chars += _CHARS_PER_MESSAGE
        if isinstance(content, str):
            chars += len(content)
        elif isinstance(content, list):
            chars += sum(len(text) for text in _texts(content))
            images += sum(1 for part in content if isinstance(part, dict) and part.get("type") == "image_url")
        listed = message.get("images")
        images += len(listed) if isinstance(listed, list) else 0
    return chars, images


def _texts(parts: list[Any]) -> Iterator[str]:
    for part in parts:
        if isinstance(part, dict) and isinstance(part.get("text"), str):
            yield part["text"]


def _chars(prompt: object) -> int:
    """Characters of a text, of several, or of token ids, which count as the characters of a token each."""
    if isinstance(prompt, str):
        return len(prompt)
    if isinstance(prompt, list):
        return sum(
            _CHARS_PER_TOKEN if isinstance(entry, int) else _chars(entry)
            for entry in prompt
            if isinstance(entry, str | list | int)
        )
    if prompt is None:
        return 0
    raise invalid("the prompt is a text or a list")


def _prefix(model: str, fields: Fields) -> str:
    """Hash what prompts of one application have in common: model, tools, leading system messages."""
    texts = [text for message in _leading(fields.get("messages")) for text in _contents(message)]
    if isinstance(fields.get("system"), str):
        texts.append(fields["system"])
    tools = fields.get("tools")
    head = orjson.dumps(tools) if tools else b""
    if len(head) + sum(map(len, texts)) < _PREFIX_CHARS:
        return ""
    parts = (model.encode("utf-8", "replace"), head, *(text.encode() for text in texts))
    return hashlib.blake2b(b"\0".join(parts), digest_size=12).hexdigest()


def _leading(messages: object) -> Iterator[Fields]:
    for message in messages if isinstance(messages, list) else ():
        if message.get("role") not in ("system", "developer"):
            return
        yield message


def _contents(message: Fields) -> Iterator[str]:
    content = message.get("content")
    if isinstance(content, str):
        yield content
    elif isinstance(content, list):
        yield from _texts(content)
