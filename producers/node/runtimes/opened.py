"""What reads a runtime, by its kind. A kind more is one line here."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Protocol

from producers.node.runtimes.deltas import Totals
from producers.node.runtimes.llamabox import LlamaBox
from producers.node.runtimes.llamacpp import LlamaCpp
from producers.node.runtimes.lmstudio import LmStudio
from producers.node.runtimes.ollama import Address, Ollama
from producers.node.runtimes.openai_compatible import OpenAiCompatible
from producers.node.runtimes.runtime import Dialect, Runtime
from producers.node.runtimes.sglang import Sglang
from producers.node.runtimes.target import Kind, Target
from producers.node.runtimes.vllm import Vllm
from producers.node.source import Facts

DIALECTS: Mapping[Kind, Callable[[], Dialect]] = {
    "vllm": Vllm,
    "llamacpp": LlamaCpp,
    "llamabox": LlamaBox,
    "sglang": Sglang,
    "lmstudio": LmStudio,
    "openai": OpenAiCompatible,
}


class Reader(Protocol):
    """Reads one runtime."""

    async def read(self) -> Facts:
        """Return its readings, and what is registered of it."""

    async def close(self) -> None:
        """Close the connections."""


def opened(at: Target, totals: Totals) -> Reader:
    """Return the reader of a runtime; ``totals`` are what was counted on its port so far."""
    return OllamaAt(at) if at.kind == "ollama" else Runtime(at, DIALECTS[at.kind](), totals)


class OllamaAt:
    """Ollama, with what discovery knows of it."""

    def __init__(self, at: Target) -> None:
        self._at = at
        self._ollama = Ollama(Address(at.url, "settings"))  # it answered: from now on it is missed when away

    async def read(self) -> Facts:
        """Return its readings."""
        facts = await self._ollama.read()
        at = self._at
        inventory = tuple(
            each._replace(
                url=at.reachable_url or at.url,
                discovered_by=at.discovered_by,
                container=at.container,
                command_line=at.command_line,
                pid=at.pid,
            )
            for each in facts.runtime_inventory
        )
        return replace(facts, runtime_inventory=inventory)

    async def close(self) -> None:
        """Close the connections."""
        await self._ollama.close()
