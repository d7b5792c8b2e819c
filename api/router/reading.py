"""What is read out of an answer on its way: its first token, its end, its usage."""

from collections.abc import Mapping
from typing import Any

from api.router.errors import text_of
from api.router.seams import NO_USAGE, Usage

Fields = Mapping[str, Any]


class Reading:
    """What is known of an answer so far.

    Attributes:
        first: kind of its first token: ``content``, ``reasoning`` or ``tool``; empty before there is one.
        finish_reason: in the upstream's word.
        usage: as reported.
        model: what the upstream says it serves.
        complete: the upstream said that this is all.
        error: an error that the upstream put into the answer itself.
    """

    __slots__ = ("complete", "error", "finish_reason", "first", "model", "usage")

    def __init__(self) -> None:
        self.first = ""
        self.finish_reason = ""
        self.usage = NO_USAGE
        self.model = ""
        self.complete = False
        self.error = ""

    def openai(self, event: Fields) -> None:
        """Read a chunk or an answer of OpenAI's dialect."""
        if not self.model:
            self.model = _text(event.get("model"))
        if event.get("error"):
            self.error = text_of(event) or "the upstream broke off with an error"
        usage = event.get("usage")
        if isinstance(usage, dict):
            self.usage = _openai_usage(usage)
        choices = event.get("choices")
        for choice in choices if isinstance(choices, list) else ():
            if isinstance(choice, dict):
                self._openai_choice(choice)

    def _openai_choice(self, choice: Fields) -> None:
        self.finish_reason = _text(choice.get("finish_reason")) or self.finish_reason
        if self.first:
            return
        if choice.get("text"):
            self.first = "content"
        for name in ("delta", "message"):
            found = choice.get(name)
            if isinstance(found, dict):
                self.first = self.first or _kind(found)

    def ollama(self, line: Fields) -> None:
        """Read a line or an answer of Ollama's dialect."""
        if not self.model:
            self.model = _text(line.get("model"))
        if line.get("error"):
            self.error = text_of(line) or "the upstream broke off with an error"
        if not self.first:
            message = line.get("message")
            if line.get("response") or line.get("thinking"):
                self.first = "content" if line.get("response") else "reasoning"
            elif isinstance(message, dict):
                self.first = _kind(message)
        if line.get("done") is True:
            self.complete = True
            self.finish_reason = _text(line.get("done_reason"))
            self.usage = _ollama_usage(line)


def _kind(message: Fields) -> str:
    if message.get("content") or message.get("refusal"):
        return "content"
    if message.get("reasoning_content") or message.get("reasoning") or message.get("thinking"):
        return "reasoning"
    return "tool" if message.get("tool_calls") or message.get("function_call") else ""


def _openai_usage(usage: Fields) -> Usage:
    prompt, completion = usage.get("prompt_tokens_details"), usage.get("completion_tokens_details")
    return Usage(
        count(usage.get("prompt_tokens")),
        count(usage.get("completion_tokens")),
        count(prompt.get("cached_tokens")) if isinstance(prompt, dict) else None,
        count(completion.get("reasoning_tokens")) if isinstance(completion, dict) else None,
    )


def _ollama_usage(line: Fields) -> Usage:
    return Usage(count(line.get("prompt_eval_count")), count(line.get("eval_count")))


def count(found: object) -> int | None:
    """Return a count that an upstream reported; None where it is none."""
    return found if isinstance(found, int) and not isinstance(found, bool) and found >= 0 else None


def _text(found: object) -> str:
    return found[:500] if isinstance(found, str) else ""
