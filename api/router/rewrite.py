"""What the router changes in a request before it goes on; nothing, where nothing has to be.

The name of the model where the upstream has another one for it; fields that only the router reads; the usage,
asked for in every stream; the context of a model that is loaded, so that it is not loaded anew for each
client; and room to think for models that do, within the limit that a client set for the answer.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from api.router.ask import Ask, Dialect, Task
from api.router.seams import Choice

_OURS = ("models", "fallback_models")
_INCLUDE_USAGE = b',"stream_options":{"include_usage":true}}'
CONTEXT_NOTE = b"x-penstock-context"
OVERFLOW_NOTE = b"x-penstock-context-overflow"
BUDGET_NOTE = b"x-penstock-token-budget"
# Parts of the names of models that think before they answer and have no switch in their name for it.
_THINKERS = ("deepseek-r1", "gpt-oss", "qwq", "phi-4-reasoning", "phi4-reasoning", "magistral", "thinking")

Protection = Literal["keep", "warn", "off"]
Notes = Mapping[bytes, bytes]


@dataclass(frozen=True, slots=True)
class Rules:
    """What may be changed.

    Attributes:
        context: keep: a loaded model's context is kept unless more is asked for; warn: only a header tells;
            off: nothing is done.
        thinking_factor: what a limit of tokens is multiplied by for a model that thinks; 1 leaves it.
        thinking_min_tokens: and the least it becomes.
    """

    context: Protection = "keep"
    thinking_factor: float = 1.0
    thinking_min_tokens: int = 1024


@dataclass(frozen=True, slots=True)
class Written:
    """A body for an upstream, and headers that tell the client what was changed."""

    body: bytes
    notes: Notes | None = None


def untranslated(ask: Ask, choice: Choice, rules: Rules) -> Written:
    """Return the body for an upstream of the client's own dialect: the bytes as they came, where possible."""
    changes: dict[str, Any] = {}
    notes: dict[bytes, bytes] = {}
    if choice.model != ask.model:
        changes["model"] = choice.model
    _overflow(ask, choice, notes)
    if ask.dialect is Dialect.OLLAMA:
        _protect(ask.fields, ask, choice, rules, changes, notes)
    _make_room(ask.fields, ask, choice, rules, changes, notes)
    usage = ask.dialect is Dialect.OPENAI and ask.stream and ask.task is not Task.EMBED
    ours = [name for name in _OURS if name in ask.fields]
    if not changes and not ours:
        return Written(_with_usage(ask) if usage else ask.body, notes or None)
    body = {**ask.fields, **changes}
    for name in ours:
        del body[name]
    if usage:
        body["stream_options"] = _usage_options(ask)
    return Written(orjson.dumps(body), notes or None)


def for_ollama(translate: Callable[[Ask, str], dict[str, Any]]) -> Callable[[Ask, Choice, Rules], Written]:
    """Return a writer that translates for Ollama and then protects what is loaded there."""

    def write(ask: Ask, choice: Choice, rules: Rules) -> Written:
        body = translate(ask, choice.model)
        notes: dict[bytes, bytes] = {}
        _overflow(ask, choice, notes)
        _protect(body, ask, choice, rules, body, notes)
        _make_room(body, ask, choice, rules, body, notes)
        return Written(orjson.dumps(body), notes or None)

    return write


def for_openai(
    translate: Callable[[Ask, str, str], dict[str, Any]],
) -> Callable[[Ask, Choice, Rules], Written]:
    """Return a writer that translates for servers of OpenAI's dialect."""

    def write(ask: Ask, choice: Choice, rules: Rules) -> Written:
        body = translate(ask, choice.model, choice.upstream.kind)
        notes: dict[bytes, bytes] = {}
        _overflow(ask, choice, notes)
        _make_room(body, ask, choice, rules, body, notes)
        return Written(orjson.dumps(body), notes or None)

    return write


def thinks(model: str) -> bool:
    """Guess by its name whether a model thinks before it answers, where no runtime tells."""
    lowered = model.lower()
    return any(part in lowered for part in _THINKERS)


def _with_usage(ask: Ask) -> bytes:
    options = ask.fields.get("stream_options")
    if isinstance(options, dict) and options.get("include_usage"):
        return ask.body
    if "stream_options" in ask.fields:
        return orjson.dumps({**ask.fields, "stream_options": _usage_options(ask)})
    # All the rest stays byte for byte: the object's last brace gives way to one more field.
    return ask.body.rstrip()[:-1] + _INCLUDE_USAGE


def _usage_options(ask: Ask) -> dict[str, Any]:
    options = ask.fields.get("stream_options")
    return {**(options if isinstance(options, dict) else {}), "include_usage": True}


def _overflow(ask: Ask, choice: Choice, notes: dict[bytes, bytes]) -> None:
    """Say that a prompt seems longer than the context: an Ollama cuts it in silence."""
    loaded = choice.context_length
    if loaded is not None and ask.prompt_tokens > max(loaded, ask.num_ctx or 0):
        notes[OVERFLOW_NOTE] = b"about %d tokens, context %d" % (ask.prompt_tokens, loaded)


def _protect(
    fields: Mapping[str, Any],
    ask: Ask,
    choice: Choice,
    rules: Rules,
    changes: dict[str, Any],
    notes: dict[bytes, bytes],
) -> None:
    """Keep Ollama from loading a model anew: it does when ``num_ctx`` differs from what is loaded."""
    loaded = choice.context_length
    if rules.context == "off" or loaded is None or loaded == ask.num_ctx:
        return
    asked = ask.num_ctx
    if asked is not None and asked > loaded:
        notes[CONTEXT_NOTE] = b"asked %d, loaded %d: loaded anew" % (asked, loaded)
        return
    if rules.context == "warn":
        notes[CONTEXT_NOTE] = b"asked %d, loaded %d" % (asked or 0, loaded)
        return
    changes["options"] = {**(fields.get("options") or {}), "num_ctx": loaded}
    if asked is not None:
        notes[CONTEXT_NOTE] = b"asked %d, kept %d" % (asked, loaded)


def _make_room(
    fields: Mapping[str, Any],
    ask: Ask,
    choice: Choice,
    rules: Rules,
    changes: dict[str, Any],
    notes: dict[bytes, bytes],
) -> None:
    """Give a model that thinks more tokens than the client wants of the answer: the limit counts both.

    ``max_completion_tokens`` is left alone: by its definition it counts the thinking.
    """
    limit = ask.max_tokens
    if limit is None or rules.thinking_factor <= 1 or "max_completion_tokens" in ask.fields:
        return
    if False in (ask.fields.get("think"), fields.get("think")):  # as asked, or as translated
        return
    if not (thinks(choice.model) if choice.thinks is None else choice.thinks):
        return
    room = max(int(limit * rules.thinking_factor), rules.thinking_min_tokens)
    if choice.upstream.dialect is Dialect.OLLAMA:
        options = changes.get("options") or fields.get("options") or {}
        changes["options"] = {**options, "num_predict": room}
    else:
        changes["max_tokens"] = room
    notes[BUDGET_NOTE] = b"%d raised to %d" % (limit, room)
