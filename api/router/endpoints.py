"""The paths that ask something of a model."""

from dataclasses import dataclass

from api.router.ask import Dialect, Task


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What a path means. ``streams``: whether its answer comes piece by piece unless the request says not."""

    path: str
    dialect: Dialect
    task: Task
    streams: bool = False


ENDPOINTS = {
    endpoint.path: endpoint
    for endpoint in (
        Endpoint("/v1/chat/completions", Dialect.OPENAI, Task.CHAT),
        Endpoint("/v1/completions", Dialect.OPENAI, Task.GENERATE),
        Endpoint("/v1/embeddings", Dialect.OPENAI, Task.EMBED),
        Endpoint("/api/chat", Dialect.OLLAMA, Task.CHAT, streams=True),
        Endpoint("/api/generate", Dialect.OLLAMA, Task.GENERATE, streams=True),
        Endpoint("/api/embed", Dialect.OLLAMA, Task.EMBED),
        Endpoint("/api/embeddings", Dialect.OLLAMA, Task.EMBED),
    )
}
