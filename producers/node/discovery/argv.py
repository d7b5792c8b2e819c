"""What a process is, by how it was started. Pure.

A process that only speaks to a runtime, as ``ollama run`` does, is none; nor is a worker of a runtime.
"""

import re
from collections.abc import Sequence
from pathlib import PurePath, PureWindowsPath
from typing import NamedTuple

from producers.node.runtimes.target import Kind

_PYTHON = re.compile(r"python[\d.]*|uv|pypy[\d.]*")
# The binary that is the server, whatever follows.
_SERVERS: dict[str, Kind] = {
    "llama-server": "llamacpp",
    "llama_server": "llamacpp",
    "lm studio": "lmstudio",
    "lm-studio": "lmstudio",
    "lmstudio": "lmstudio",
    "llmster": "lmstudio",
}
# A program and its first word; of a script of Python too.
_COMMANDS: dict[tuple[str, str], Kind] = {
    ("ollama", "serve"): "ollama",
    ("vllm", "serve"): "vllm",
    ("sglang", "serve"): "sglang",
}
_MODULES: dict[str, Kind] = {"vllm.entrypoints": "vllm", "sglang.launch_server": "sglang"}


class Started(NamedTuple):
    """A runtime's process; ``port`` and ``host`` where its arguments name them."""

    kind: Kind
    port: int | None = None
    host: str = ""


def started(argv: Sequence[str]) -> Started | None:
    """Return what the arguments say, or nothing where they are no runtime's."""
    kind = _kind(argv)
    return Started(kind, _port(argv), option(argv, "--host") or "") if kind else None


def option(argv: Sequence[str], name: str) -> str | None:
    """Return the value of ``--name value`` or ``--name=value``, the last one that is given."""
    found = None
    for index, word in enumerate(argv):
        if word == name and index + 1 < len(argv):
            found = argv[index + 1]
        elif word.startswith(f"{name}="):
            found = word[len(name) + 1 :]
    return found


def program(word: str) -> str:
    """Return the name of the program that a first argument is, in lower case."""
    path = PureWindowsPath(word) if "\\" in word else PurePath(word)
    return path.name.lower().removesuffix(".exe")


def _kind(argv: Sequence[str]) -> Kind | None:
    words = [word for word in argv[:8] if word]
    if not words:
        return None
    name = program(words[0])
    if _PYTHON.fullmatch(name):
        return _kind_in_python(words[1:])
    if name.startswith("llama-box"):
        return None if "--rpc-server-host" in argv else "llamabox"
    return _SERVERS.get(name) or _COMMANDS.get((name, words[1] if len(words) > 1 else ""))


def _kind_in_python(words: Sequence[str]) -> Kind | None:
    for index, word in enumerate(words):
        following = words[index + 1] if index + 1 < len(words) else ""
        if word == "-m":
            return next((kind for name, kind in _MODULES.items() if following.startswith(name)), None)
        if not word.startswith("-"):
            if word.endswith(".py"):  # python .../vllm/entrypoints/openai/api_server.py
                dotted = word.replace("/", ".")
                return next((kind for name, kind in _MODULES.items() if f".{name}." in dotted), None)
            if (program(word), following) in _COMMANDS:
                return _COMMANDS[(program(word), following)]
    return None


def _port(argv: Sequence[str]) -> int | None:
    told = option(argv, "--port") or ""
    return int(told) if re.fullmatch(r"[0-9]{1,5}", told) and 0 < int(told) < 1 << 16 else None
