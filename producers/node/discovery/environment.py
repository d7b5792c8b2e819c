"""Where runtimes are told to listen by the variables they read themselves. Pure."""

import re
from collections.abc import Mapping

from producers.node.discovery.candidate import local_url
from producers.node.runtimes.ollama import address
from producers.node.runtimes.target import Kind


def url_of(kind: Kind, environ: Mapping[str, str]) -> str:
    """Return the address that an environment gives a runtime of this kind, else nothing."""
    if kind == "ollama" and environ.get("OLLAMA_HOST"):
        return address("", environ).url
    port = environ.get("LLAMA_ARG_PORT", "")
    if kind == "llamacpp" and re.fullmatch(r"[0-9]{1,5}", port) and 0 < int(port) < 1 << 16:
        return local_url(int(port), environ.get("LLAMA_ARG_HOST", ""))
    return ""
