"""Runtimes that serve models on this machine, at the ports that they use by default."""

import os
from dataclasses import dataclass

import httpx

from infra.doctor.finding import Finding, ok, warn
from producers.node.runtimes.ollama import address
from schemas.settings import Settings

TIMEOUT_S = 1.0


@dataclass(frozen=True, slots=True)
class Known:
    """A runtime, its usual port, and a path with what its JSON answer must hold to be it."""

    name: str
    port: int
    path: str
    key: str


# Each answers its path without a key and without work: their own documentation of the HTTP interface.
KNOWN = (
    Known("vLLM", 8000, "/version", "version"),
    Known("llama.cpp", 8080, "/props", "default_generation_settings"),
    Known("SGLang", 30000, "/get_model_info", "model_path"),
)


def runtimes(settings: Settings) -> Finding:
    """Say which runtimes answer at the ports they use by default, and Ollama where the settings say."""
    url = address(settings.node.ollama_url, os.environ).url
    version = _ask(url + "/api/version", "version")
    found = [f"Ollama {version} at {url}"] if version is not None else []
    for known in KNOWN:
        base = f"http://127.0.0.1:{known.port}"
        if _ask(base + known.path, known.key) is not None:
            found.append(f"{known.name} at {base}")
    if found:
        return ok("runtimes", f"{', '.join(found)}; penstock node --once shows what is read")
    return warn(
        "runtimes",
        f"none answers at its usual port; Ollama would be asked at {url}",
        "start one, or set node.ollama_url (PENSTOCK_NODE__OLLAMA_URL); without one only the machine is read",
    )


def _ask(url: str, key: str) -> str | None:
    try:
        answer = httpx.get(url, timeout=TIMEOUT_S, trust_env=False)
        found = answer.json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError):
        return None
    return str(found[key]) if isinstance(found, dict) and key in found else None
