"""Runtimes that the settings name: they are expected, so they are missed when they are away. Pure."""

from typing import get_args

from producers.node.discovery.candidate import Candidate
from producers.node.runtimes.target import Kind, port_of
from schemas.errors import ConfigError
from schemas.settings import NodeSettings


def candidates(settings: NodeSettings) -> tuple[Candidate, ...]:
    """Return those of ``node.runtimes`` and ``node.ollama_url``.

    Raises:
        ConfigError: an entry is no address, or names no kind of runtime.
    """
    entries = [entry.strip() for entry in settings.runtimes.split(",") if entry.strip()]
    found = [_candidate(entry) for entry in entries]
    if settings.ollama_url:
        found.insert(0, _candidate(f"ollama={settings.ollama_url}"))
    return tuple(found)


def _candidate(entry: str) -> Candidate:
    kind, separator, url = entry.partition("=")
    if not separator or "/" in kind:  # an address without a kind
        kind, url = "", entry
    url = url.strip().rstrip("/")
    if not url.startswith(("http://", "https://")):
        raise ConfigError(f"node.runtimes: {entry!r} has no address that begins with http:// or https://")
    try:
        port_of(url)
    except ValueError as exc:
        raise ConfigError(f"node.runtimes: {entry!r}: {exc}") from exc
    for known in get_args(Kind):
        if kind == known:
            return Candidate(url, "settings", known)
    if kind:
        raise ConfigError(f"node.runtimes: {kind!r} is none of {', '.join(get_args(Kind))}")
    return Candidate(url, "settings")
