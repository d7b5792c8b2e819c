"""Where a runtime is, what it is, and how that is known."""

from typing import Literal, NamedTuple
from urllib.parse import urlsplit

Kind = Literal["ollama", "vllm", "llamacpp", "llamabox", "sglang", "lmstudio", "openai"]
Source = Literal["settings", "environment", "argv", "socket", "default"]

DEFAULT_PORTS: dict[Kind, tuple[int, ...]] = {
    "ollama": (11434,),
    "vllm": (8000,),
    "llamacpp": (8080, 9931),
    "llamabox": (8080,),
    "lmstudio": (1234,),
    "sglang": (30000,),
}


class Target(NamedTuple):
    """One server. ``url`` is how this node asks it, ``reachable_url`` how the fleet does."""

    kind: Kind
    url: str
    discovered_by: Source
    reachable_url: str = ""
    pid: int = 0
    command_line: str = ""
    container: str = ""
    token: str = ""

    @property
    def runtime_id(self) -> str:
        """Kind and port."""
        return f"{self.kind}:{port_of(self.url)}"


def port_of(url: str) -> int:
    """Return the port of a URL, its scheme's where it names none.

    Raises:
        ValueError: what it names is no port.
    """
    parts = urlsplit(url)
    return parts.port or (443 if parts.scheme == "https" else 80)
