"""Facts for tests of what is done with facts: a node's samples, its ticks and a request."""

from collections.abc import Iterator

from producers.simulator.fact import Fact
from schemas.events.request_finished import RequestFinished
from schemas.events.request_received import RequestReceived
from schemas.topics import REQUESTS, TELEMETRY
from tests.samples import at, sample, tick


def facts(seconds: int, *, node: str = "n1") -> Iterator[Fact]:
    """Yield a sample each second, a tick every five, and one request that takes two seconds."""
    for second in range(seconds):
        if second % 5 == 0:
            yield Fact(TELEMETRY, None, tick(second), at(second))
        if second == 1:
            yield Fact(REQUESTS, "r1", received("r1", second), at(second))
        if second == 3:
            yield Fact(REQUESTS, "r1", finished("r1", second), at(second))
        yield Fact(TELEMETRY, node, sample(second, node_id=node), at(second))


def received(request_id: str, second: float) -> RequestReceived:
    return RequestReceived(
        request_id, "f", "router", at(second), "openai", "/v1/chat/completions", "m", (), "", "", "", {},
        True, 0, 10.0, 100.0, 100.0,
    )  # fmt: skip


def finished(request_id: str, second: float) -> RequestFinished:
    return RequestFinished(
        request_id, "f", "router", at(second), at(second - 2), "completed", "n1", "vllm:8000", "m", "m",
        "stop", "", "", "", "", {}, False, 1, 200, 0.0, 0.2, 2.0, 2.0, 0.02, 10.0, 90.0, 0.0, 0.0,
    )  # fmt: skip
