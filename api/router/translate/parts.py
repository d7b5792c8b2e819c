"""Parts of messages between the dialects: texts, images, tool calls, token probabilities."""

import base64
import binascii
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from api.router.errors import invalid

Fields = Mapping[str, Any]

_IMAGE_KINDS = (
    (b"\x89PNG", "image/png"),
    (b"\xff\xd8", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"RIFF", "image/webp"),
    (b"BM", "image/bmp"),
)


def text_and_images(content: object) -> tuple[str, list[str]]:
    """Return the text of an OpenAI message's content, and its images as base64.

    Raises:
        Declined: a part is of a kind that Ollama has nothing for.
    """
    if content is None:
        return "", []
    if isinstance(content, str):
        return content, []
    if not isinstance(content, list):
        raise invalid("the content of a message is a text or a list of parts", "messages")
    texts: list[str] = []
    images: list[str] = []
    for part in content:
        kind = part.get("type") if isinstance(part, dict) else None
        if kind in ("text", "refusal"):
            texts.append(_string(part, kind))
        elif kind == "image_url":
            images.append(_image(part.get("image_url")))
        else:
            raise invalid(f"an Ollama upstream takes no content of type {kind!r}", "messages")
    return "\n".join(texts), images


def content_parts(text: str, images: object) -> str | list[Fields]:
    """Return text and Ollama's images as the content of an OpenAI message.

    Raises:
        Declined: an image is not base64.
    """
    if not images:
        return text
    if not isinstance(images, list):
        raise invalid("images is a list of base64 texts", "images")
    urls = [{"type": "image_url", "image_url": {"url": _data_url(image)}} for image in images]
    return [{"type": "text", "text": text}, *urls] if text else list(urls)


def calls_to_ollama(calls: object) -> list[Fields]:
    """Return an OpenAI message's tool calls in Ollama's shape: arguments are an object there.

    Raises:
        Declined: they are not tool calls.
    """
    found: list[Fields] = []
    for call in _objects(calls, "tool_calls"):
        function = call.get("function")
        if not isinstance(function, dict):
            raise invalid("each of tool_calls has a function", "messages")
        entry = {"function": {**function, "arguments": arguments(function.get("arguments"))}}
        found.append({**({"id": call["id"]} if call.get("id") else {}), **entry})
    return found


def arguments(written: object) -> Mapping[str, Any]:
    """Return the arguments of a tool call, which OpenAI writes as a text of JSON.

    Raises:
        Declined: they are not a JSON object.
    """
    if written in (None, ""):
        return {}
    try:
        found = orjson.loads(written) if isinstance(written, str) else written
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, dict):
        raise invalid("the arguments of a tool call are a JSON object", "messages")
    return found


def calls_to_openai(calls: object, request_id: str, begun: int = 0) -> Iterator[dict[str, Any]]:
    """Yield Ollama's tool calls in OpenAI's shape; ``begun`` is how many the answer already had."""
    for place, call in enumerate(objects(calls), begun):
        function = call.get("function")
        if isinstance(function, dict):
            written = function.get("arguments")
            text = written if isinstance(written, str) else orjson.dumps(written or {}).decode()
            yield {
                "id": call.get("id") or f"call_{request_id[:16]}{place}",
                "type": "function",
                "function": {"name": function.get("name", ""), "arguments": text},
            }


def logprobs(listed: object) -> Mapping[str, Any] | None:
    """Return Ollama's token probabilities as OpenAI's chat answers hold them; None where there are none."""
    entries = objects(listed)
    return {"content": [_logprob(entry) for entry in entries], "refusal": None} if entries else None


def _logprob(entry: Fields) -> dict[str, Any]:
    return {
        "token": entry.get("token", ""),
        "logprob": entry.get("logprob", 0.0),
        "bytes": entry.get("bytes"),
        "top_logprobs": [
            {name: one.get(name) for name in ("token", "logprob", "bytes")}
            for one in objects(entry.get("top_logprobs"))
        ],
    }


def legacy_logprobs(listed: object, start: int = 0) -> Mapping[str, Any] | None:
    """Return them as the older completions hold them; ``start`` is where their text begins."""
    entries = objects(listed)
    if not entries:
        return None
    tokens = [str(entry.get("token", "")) for entry in entries]
    offsets = [start + sum(map(len, tokens[:place])) for place in range(len(tokens))]
    return {
        "tokens": tokens,
        "token_logprobs": [entry.get("logprob", 0.0) for entry in entries],
        "top_logprobs": [
            {str(one.get("token", "")): one.get("logprob", 0.0) for one in objects(entry.get("top_logprobs"))}
            for entry in entries
        ],
        "text_offset": offsets,
    }


def objects(found: object) -> list[Fields]:
    """Return those entries of a list that are JSON objects; of what is no list, none."""
    return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []


def _objects(found: object, name: str) -> list[dict[str, Any]]:
    if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
        raise invalid(f"{name} is a list of JSON objects", "messages")
    return found


def _string(part: Fields, name: str) -> str:
    found = part.get(name)
    if not isinstance(found, str):
        raise invalid("a part of type text has a text", "messages")
    return found


def _image(found: object) -> str:
    url = found.get("url") if isinstance(found, dict) else found
    if not isinstance(url, str):
        raise invalid("a part of type image_url has an url", "messages")
    kind, comma, encoded = url.partition(",")
    if not kind.startswith("data:") or not comma or not kind.endswith(";base64"):
        # Fetching what a caller names would let it reach what only the router reaches.
        raise invalid("an Ollama upstream takes images as data: URLs in base64; the router fetches none")
    return encoded


def _data_url(image: object) -> str:
    if not isinstance(image, str):
        raise invalid("images is a list of base64 texts", "images")
    try:
        head = base64.b64decode(image[:16], validate=True)
    except (binascii.Error, ValueError):
        raise invalid("images is a list of base64 texts", "images") from None
    kind = next((kind for magic, kind in _IMAGE_KINDS if head.startswith(magic)), "image/png")
    return f"data:{kind};base64,{image}"
