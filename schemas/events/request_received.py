"""Typed view of ``avro/request_received.v1.avsc`` (units there); times are µs since the epoch."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

Dialect = Literal["openai", "ollama"]


class RequestReceived(NamedTuple):
    """A caller asked. Prompts and answers are never recorded."""

    request_id: str
    fleet: str
    router_id: str
    occurred_at: int
    dialect: Dialect
    path: str
    model: str
    fallbacks: tuple[str, ...]
    key: str
    workload: str
    session: str
    tags: Mapping[str, str]
    stream: bool
    priority: int
    prompt_tokens_estimate: float
    max_tokens: float
    body_bytes: float
