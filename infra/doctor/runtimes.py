"""Runtimes that serve models on this machine, at the ports that they use by default."""

import os
from dataclasses import dataclass

import httpx

from infra.doctor.finding import Finding, ok, warn
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
    """Say which runtimes answer; the agent reads Ollama's."""
    url = ollama_url(settings)
    version = _ask(url + "/api/version", "version")
    others = [
        f"{known.name} at 127.0.0.1:{known.port}"
        for known in KNOWN
        if _ask(f"http://127.0.0.1:{known.port}{known.path}", known.key) is not None
    ]
    seen = f"; also {', '.join(others)}, not read yet" if others else ""
    if version is not None:
        return ok("runtimes", f"Ollama {version} at {url}{seen}")
    return warn(
        "runtimes",
        f"Ollama does not answer at {url}{seen}",
        "start it, or set node.ollama_url (PENSTOCK_NODE__OLLAMA_URL); without it only the machine is read",
    )


def ollama_url(settings: Settings) -> str:
    """Return the address the agent would ask: the setting, else OLLAMA_HOST, else Ollama's default."""
    url = settings.node.ollama_url or os.environ.get("OLLAMA_HOST") or "127.0.0.1:11434"
    # OLLAMA_HOST is what the server listens on too: every address is reached at loopback.
    return (url if "://" in url else f"http://{url}").replace("//0.0.0.0", "//127.0.0.1").rstrip("/")


def _ask(url: str, key: str) -> str | None:
    try:
        answer = httpx.get(url, timeout=TIMEOUT_S, trust_env=False)
        found = answer.json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError):
        return None
    return str(found[key]) if isinstance(found, dict) and key in found else None
