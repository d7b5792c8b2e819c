"""A pull, as who waits for it sees it: in its own stream, in both dialects, and by the metrics."""

from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import httpx
import ollama
import openai
import pytest

from api.router import opened
from api.router.ask import Ask, Dialect, Task
from api.router.opened import Opened, written
from api.router.pull import Progress
from tests.api.router import behaviours as does
from tests.api.router.fleet import Fleet, Router, until
from tests.api.router.standin import Behaviour, Standin, good

HELLO = [{"role": "user", "content": "hello"}]
ASKED = {"model": "new", "messages": HELLO, "stream": True}
CHAT, OLLAMA = "/v1/chat/completions", "/api/chat"
BYTES = 'penstock_router_pull_bytes{part="%s"}'


@pytest.fixture(autouse=True)
def told_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opened, "TELL_S", 0.05)


def pulling(fleet: Fleet, then: Behaviour = good) -> tuple[Router, Standin]:
    """A router over an Ollama that fetches a model and has four of ten bytes until it is let go."""
    standin = fleet.upstream("ollama")
    standin.pullable.add("new")
    standin.pulled = then
    return fleet.router(auto_pull=True), standin


def let_go(fleet: Fleet, standin: Standin) -> None:
    fleet.loop.loop.call_soon_threadsafe(standin.pulling.set)


def streamed(
    pool: ThreadPoolExecutor, router: Router, path: str
) -> "tuple[list[str], Future[httpx.Headers]]":
    """Ask, and gather the lines of the answer as they come."""
    lines: list[str] = []

    def read() -> httpx.Headers:
        with router.http.stream("POST", path, json=ASKED) as answer:
            assert answer.status_code == 200
            for line in answer.iter_lines():
                lines.append(line)
            return answer.headers

    return lines, pool.submit(read)


@pytest.mark.parametrize("path", [CHAT, OLLAMA])
def test_a_stream_tells_how_far_the_pull_is_and_then_the_answer(fleet: Fleet, path: str) -> None:
    router, standin = pulling(fleet)
    with ThreadPoolExecutor(1) as pool:
        lines, done = streamed(pool, router, path)
        until(lambda: sum("pulling abc" in line for line in lines) >= 2)
        metrics = router.metrics()
        assert (metrics[BYTES % "total"], metrics[BYTES % "done"]) == (10, 4)
        let_go(fleet, standin)
        headers = done.result(10)
    assert headers["content-type"] == ("application/x-ndjson" if path == OLLAMA else "text/event-stream")
    assert headers["x-penstock-requested-model"] == "new"
    assert len(headers["x-penstock-request-id"]) == 32
    said = "".join(lines)
    assert all(part in said for part in ("Hel", "lo ", "[DONE]" if path == CHAT else '"done": true'))
    router.ended(completed=1)
    assert router.metrics()['penstock_router_pulls_total{result="pulled"}'] == 1
    assert router.metrics()[BYTES % "total"] == 0


def test_the_official_clients_pass_over_what_is_told(fleet: Fleet) -> None:
    router, standin = pulling(fleet)
    with ThreadPoolExecutor(2) as pool:
        asked = [pool.submit(_by_openai, router.url), pool.submit(_by_ollama, router.url)]
        until(lambda: bool(router.http.get("/router/pulls").json()))
        until(lambda: router.metrics()[BYTES % "done"] == 4)
        until(lambda: router.metrics()["penstock_router_requests_open"] == 2)
        let_go(fleet, standin)
        assert [one.result(10) for one in asked] == ["Hello wörld"] * 2


def _by_openai(url: str) -> str:
    with openai.OpenAI(base_url=f"{url}/v1", api_key="x", max_retries=0) as client:
        asking: Any = client
        chunks = asking.chat.completions.create(model="new", messages=HELLO, stream=True)
        return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


def _by_ollama(url: str) -> str:
    client: Any = ollama.Client(url, trust_env=False)
    try:
        return "".join(part.message.content for part in client.chat("new", HELLO, stream=True))
    finally:
        client._client.close()


@pytest.mark.parametrize("path", [CHAT, OLLAMA])
@pytest.mark.parametrize(
    "then", [does.status(500, b'{"error": "boom"}'), does.status(400, b'{"error": "boom"}')]
)
def test_an_error_after_that_comes_in_the_stream(fleet: Fleet, path: str, then: Behaviour) -> None:
    router, standin = pulling(fleet, then)
    with ThreadPoolExecutor(1) as pool:
        lines, done = streamed(pool, router, path)
        until(lambda: any("pulling abc" in line for line in lines))
        let_go(fleet, standin)
        done.result(10)
    last = [line for line in lines if line][-1]
    assert "boom" in last
    assert last.startswith('data: {"error":{' if path == CHAT else '{"error":')
    router.ended(upstream_error=1)


@pytest.mark.parametrize("path", [CHAT, OLLAMA])
def test_what_cannot_be_pulled_is_unknown_and_begins_no_stream(fleet: Fleet, path: str) -> None:
    fleet.upstream("ollama")
    router = fleet.router(auto_pull=True)
    assert router.post(path, ASKED).status_code == 404
    router.ended(rejected_unadmittable=1)
    assert router.metrics()['penstock_router_pulls_total{result="failed"}'] == 1


def test_a_paused_node_pulls_nothing(fleet: Fleet) -> None:
    first, second = fleet.upstream("ollama", name="a"), fleet.upstream("ollama", name="b")
    router = fleet.router(auto_pull=True)
    router.http.post("/queue/nodes/a/pause")
    router.post(CHAT, ASKED)
    assert (first.asked, [path for path, _ in second.asked]) == ([], ["/api/pull"])


def test_pieces_are_such_that_no_client_takes_them_for_an_answer() -> None:
    progress = Progress("new\n\ndata: x", "u", "pulling\nabc", 4, 10)
    told = Ask("r", Dialect.OPENAI, Task.CHAT, CHAT, "new")
    assert written(told, progress) == b": pulling abc: 4 of 10 bytes of new data: x\n\n"
    generate = Ask("r", Dialect.OLLAMA, Task.GENERATE, "/api/generate", "new")
    assert b'"response":"","done":false' in written(generate, progress)
    assert written(generate, progress).count(b"\n") == 1


@pytest.mark.asyncio
async def test_a_stream_begins_once_and_ends_with_an_error() -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    opening = Opened(Ask("r", Dialect.OLLAMA, Task.CHAT, OLLAMA, "new"), send)
    await opening.begin()
    await opening({"type": "http.response.start", "status": 503, "headers": []})
    await opening({"type": "http.response.body", "body": b'{"error": "no"}'})
    assert [one["type"] for one in sent] == ["http.response.start", "http.response.body"]
    assert (sent[0]["status"], sent[1]["body"], sent[1]["more_body"]) == (200, b'{"error":"no"}\n', False)
