"""Where both sides speak one dialect, bytes pass as they are."""

import json
from typing import Any

import httpx
import pytest

from tests.api.router.fleet import Fleet
from tests.api.router.standin import Body, good, ndjson, openai_events, sse

HELLO = [{"role": "user", "content": "héllo"}]


@pytest.mark.parametrize(
    ("kind", "path", "more"),
    [
        ("vllm", "/v1/chat/completions", {"stream": True, "stream_options": {"include_usage": True}}),
        ("vllm", "/v1/chat/completions", {}),
        ("ollama", "/api/chat", {}),
        ("ollama", "/api/chat", {"stream": False}),
        ("ollama", "/api/generate", {"prompt": "x"}),
        ("ollama", "/api/embed", {"input": "x"}),
    ],
)
def test_answers_are_those_of_the_upstream(fleet: Fleet, kind: str, path: str, more: dict[str, Any]) -> None:
    standin = fleet.upstream(kind)
    router = fleet.router()
    asked = {"model": "m", "messages": HELLO, **more}
    through = router.post(path, asked)
    direct = httpx.post(standin.url + path, json=asked, trust_env=False)
    assert through.content == direct.content
    assert through.headers["content-type"].split(";")[0] == direct.headers["content-type"].split(";")[0]


def test_a_request_goes_on_as_it_came(fleet: Fleet) -> None:
    standin = fleet.upstream("vllm")
    router = fleet.router()
    written = b'{ "model" :"m",\n "messages": [{"role":"user","content":"\\u00e9"}], "seed": 1.50, "x": {} }'
    assert router.post("/v1/chat/completions", written).status_code == 200
    assert standin.headers[-1]["Content-Length"] == str(len(written))
    assert standin.asked[-1][1] == json.loads(written)


def test_only_the_usage_is_added_and_its_chunk_taken_away(fleet: Fleet) -> None:
    standin = fleet.upstream("vllm")
    router = fleet.router()
    asked: Body = {"model": "m", "messages": HELLO, "stream": True}
    found = router.post("/v1/chat/completions", asked)
    assert standin.asked[-1][1] == {**asked, "stream_options": {"include_usage": True}}
    assert found.content == b"".join(openai_events("/v1/chat/completions", asked))


@pytest.mark.parametrize("options", [None, {"include_usage": False}, {"x": 1}])
def test_other_options_of_a_stream_stay(fleet: Fleet, options: Body | None) -> None:
    standin = fleet.upstream("vllm")
    fleet.router().post(
        "/v1/chat/completions", {"model": "m", "messages": [], "stream": True, "stream_options": options}
    )
    assert standin.asked[-1][1]["stream_options"] == {**(options or {}), "include_usage": True}


@pytest.mark.parametrize("size", [1, 3, 7, 50])
@pytest.mark.parametrize("kind", ["vllm", "ollama"])
def test_pieces_may_be_cut_anywhere(fleet: Fleet, kind: str, size: int) -> None:
    whole = {
        "vllm": b"".join(
            openai_events("/v1/chat/completions", {"model": "m", "stream_options": {"include_usage": True}})
        ),
        "ollama": b'{"message":{"content":"h\xc3\xa9"},"done":false}\n{"done":true,"done_reason":"stop"}\n',
    }[kind]

    async def cut(request: Any, _: Body) -> Any:
        pieces = [whole[at : at + size] for at in range(0, len(whole), size)]
        return await (sse if kind == "vllm" else ndjson)(request, pieces)

    fleet.upstream(kind, {"m": cut})
    path = "/v1/chat/completions" if kind == "vllm" else "/api/chat"
    asked = {"model": "m", "messages": HELLO, "stream": True, "stream_options": {"include_usage": True}}
    assert fleet.router().post(path, asked).content == whole


def test_events_with_carriage_returns_and_comments_pass(fleet: Fleet) -> None:
    whole = (
        b": a comment\r\n\r\n"
        b'data: {"choices":[{"index":0,"delta":{"content":"x"},"finish_reason":null}]}\r\n\r\n'
        b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\r\n\r\ndata: [DONE]\r\n\r\n'
    )

    async def carriage(request: Any, _: Body) -> Any:
        return await sse(request, [whole[:40], whole[40:]])

    fleet.upstream("openai", {"m": carriage})
    router = fleet.router()
    found = router.post("/v1/chat/completions", {"model": "m", "messages": HELLO, "stream": True})
    assert found.content == whole
    router.ended(completed=1)


def test_the_name_of_a_model_is_changed_where_the_upstream_has_another(fleet: Fleet) -> None:
    standin = fleet.upstream("vllm", {"org/model-8b": good}, named=("small=org/model-8b",))
    router = fleet.router()
    found = router.post("/v1/chat/completions", {"model": "small", "messages": HELLO, "seed": 3})
    assert standin.asked[-1][1] == {"model": "org/model-8b", "messages": HELLO, "seed": 3}
    assert found.headers["x-penstock-requested-model"] == "small"
    assert found.headers["x-penstock-fallback"] == "false"
    assert [model["id"] for model in router.http.get("/v1/models").json()["data"]] == ["small"]
