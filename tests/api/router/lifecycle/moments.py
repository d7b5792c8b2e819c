"""Moments of requests, for tests that hand them to a recorder."""

from typing import Any

from api.router.ask import Ask, Caller, Dialect, Task
from api.router.outcome import Outcome
from api.router.seams import Choice, Finish, Upstream, Usage

T0_US = 1_763_700_000_000_000
A = Upstream("a", "node-a", "http://127.0.0.1:8001", "vllm")
B = Upstream("b", "node-b", "http://127.0.0.1:11434", "ollama")


def at_us(moment_s: float) -> int:
    """Moment 0 is ``T0_US``."""
    return T0_US + round(moment_s * 1e6)


def ask(request_id: str = "r1", received_s: float = 0.0, **told: Any) -> Ask:
    usual: dict[str, Any] = {
        "stream": True, "caller": Caller("k1", "team"), "workload": "chat", "session": "alice",
        "tags": {"team": "search"}, "prompt_tokens": 7, "body": b"{...}",
    }  # fmt: skip
    return Ask(
        request_id, Dialect.OPENAI, Task.CHAT, "/v1/chat/completions", told.pop("model", "m"),
        received_s=received_s, received_us=1, **{**usual, **told},
    )  # fmt: skip


def choice(upstream: Upstream = A, model: str = "m", **told: Any) -> Choice:
    return Choice(upstream, f"own/{model}", model, 0.5, "least busy", **told)


def finish(outcome: Outcome = Outcome.COMPLETED, status: int = 200, **told: Any) -> Finish:
    return Finish(outcome, status, **told)


USAGE = Usage(11, 5, 8, 1)
