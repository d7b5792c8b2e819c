"""What a caller asks for, whatever its dialect."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, NamedTuple

from api.router.queue.limits import UNLIMITED, KeyLimits

ANONYMOUS = "none"
"""The fingerprint of a caller without a key."""


class Dialect(StrEnum):
    """The API that a client, or an upstream, speaks."""

    OPENAI = "openai"
    OLLAMA = "ollama"


class Task(StrEnum):
    """What is asked of a model."""

    CHAT = "chat"
    GENERATE = "generate"
    EMBED = "embed"


class Goal(StrEnum):
    """What a choice among nodes is to favour."""

    LATENCY = "latency"
    EFFICIENCY = "efficiency"
    BALANCED = "balanced"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and what its key allows. Without a key: anonymous, allowed everything at priority 0.

    ``limits`` are what the queue holds it to. ``models`` are the only ones it may use; None: any. ``goal``
    and ``resident_fallback`` are the key's own; None: the router's.
    """

    fingerprint: str = ANONYMOUS
    name: str = ""
    limits: KeyLimits = UNLIMITED
    models: frozenset[str] | None = None
    goal: Goal | None = None
    resident_fallback: bool | None = None


NOBODY = Caller()
"""A caller without a key."""


def plain_name(model: str) -> str:
    """Return a model's name without Ollama's implied tag: ``qwen3`` and ``qwen3:latest`` are one model."""
    return model.removesuffix(":latest")


_NOTHING: Mapping[str, Any] = MappingProxyType({})


class Ask(NamedTuple):
    """One request, read and checked; what it cannot say is empty or None.

    A named tuple, not a frozen dataclass: of so many fields it is made three times as fast.

    Attributes:
        request_id: 32 hexadecimal digits, random.
        dialect: the API that the client speaks.
        task: what it asks for.
        path: the path it called, such as ``/v1/chat/completions``.
        model: the model it names, as it wrote it; empty where the request could not be read.
        models: models to fall back to, in order, without ``model``.
        stream: whether the answer is to come piece by piece.
        caller: who asks.
        received_s: when its last byte was read; the monotonic clock of this process.
        received_us: the same by the wall clock, microseconds since the epoch.
        workload: a label of the caller's for what this is part of.
        session: requests of one conversation share it.
        tags: labels of the caller's, from header and body; a label without a value has an empty one.
        priority: as asked, before any ceiling.
        goal: as asked for this request.
        prompt_tokens: an estimate: a quarter of the text's characters, and a sum for each image.
        max_tokens: most tokens of the answer, where it says so.
        num_ctx: context that it asks for, tokens.
        images: how many images it carries.
        tools: whether it offers tools.
        prefix: a hash of model, leading system messages and tools; the same for prompts that begin alike.
        patience_s: how long it may wait in the queue; None is the default.
        strict: never another model than ``model``, not even where an operator allows it.
        resident_fallback: whether another model may answer because it is in memory; None: as its key says.
        body: the bytes as received.
        fields: the body as JSON.
    """

    request_id: str
    dialect: Dialect
    task: Task
    path: str
    model: str
    models: tuple[str, ...] = ()
    stream: bool = False
    caller: Caller = NOBODY
    received_s: float = 0.0
    received_us: int = 0
    workload: str = ""
    session: str = ""
    tags: Mapping[str, str] = _NOTHING
    priority: int = 0
    goal: Goal | None = None
    prompt_tokens: int = 0
    max_tokens: int | None = None
    num_ctx: int | None = None
    images: int = 0
    tools: bool = False
    prefix: str = ""
    patience_s: float | None = None
    strict: bool = False
    resident_fallback: bool | None = None
    body: bytes = b""
    fields: Mapping[str, Any] = _NOTHING

    def __repr__(self) -> str:
        """Leave out what is in it: prompts are never logged."""
        return f"Ask({self.request_id}, {self.path}, {self.model!r})"
