"""Runtimes that serve models on this machine: what the agent's own discovery finds, and how each answers."""

import asyncio
import os
from collections.abc import Mapping, Sequence

from infra.doctor.finding import Finding, ok, warn
from producers.node.agent import first_readings
from producers.node.collector import Collector
from producers.node.discovery import named
from producers.node.discovery.finder import Finder
from producers.node.progress import View
from producers.node.runtimes.target import Kind, port_of
from schemas.settings import NodeSettings, Settings

# A runtime that hangs is given up by its collector's own requests before this.
READINGS_S = 5.0
_NAMES: Mapping[Kind | str, str] = {
    "ollama": "Ollama",
    "vllm": "vLLM",
    "llamacpp": "llama.cpp",
    "llamabox": "llama-box",
    "sglang": "SGLang",
    "lmstudio": "LM Studio",
    "openai": "OpenAI-compatible server",
}


def runtimes(settings: Settings) -> Finding:
    """Look once as the agent does, within some seconds, and say what it found and what it misses."""
    return judge(settings.node, asyncio.run(_views(settings.node)))


def judge(settings: NodeSettings, views: Sequence[View]) -> Finding:
    """Return what the readings of runtimes come to; ``warn``: none is read, or one that is named or found."""
    read = [_text(view) for view in views if view.status == "ok"]
    missed = [f"{view.name}: {view.reason or view.status}" for view in views if view.status != "ok"]
    missed += [f"{url}: no runtime answers" for url in _unidentified(settings, views)]
    if missed:
        return warn(
            "runtimes",
            "; ".join((*read, *missed)),
            "start what is missing, look at its log, or correct node.runtimes and node.ollama_url",
        )
    if read:
        return ok("runtimes", f"{', '.join(read)}; penstock node --once shows what is read")
    return warn(
        "runtimes",
        "none found" if settings.discover else "none named, and node.discover is off",
        "start one, or name it in node.runtimes (PENSTOCK_NODE__RUNTIMES); the machine is read without one",
    )


async def _views(settings: NodeSettings) -> Sequence[View]:
    collectors: list[Collector] = []
    # A look must not make a model write.
    finder = Finder(settings.model_copy(update={"probe": False}), os.environ, collectors)
    try:
        await finder.read()
        await first_readings(collectors, runs=1, deadline_s=READINGS_S)
        return [each.view() for each in collectors]
    finally:
        await finder.close()


def _text(view: View) -> str:
    found = view.reading.facts.runtime_inventory if view.reading else ()
    return ", ".join(
        f"{' '.join(filter(None, (_NAMES[each.kind], each.version)))} at {each.url}" for each in found
    )


def _unidentified(settings: NodeSettings, views: Sequence[View]) -> Sequence[str]:
    """Return the named addresses where nothing said what it is; collectors are called by kind and port."""
    ports = {view.name.rpartition(":")[2] for view in views}
    return [each.url for each in named.candidates(settings) if str(port_of(each.url)) not in ports]
