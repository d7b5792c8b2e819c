"""What clients send that they should not; each is answered in their dialect, and recorded."""

import json
from typing import Any

import httpx
import pytest

from tests.api.router.fleet import Fleet, Router
from tests.api.router.standin import good

HELLO = [{"role": "user", "content": "hello"}]
CHAT, OLLAMA = "/v1/chat/completions", "/api/chat"


@pytest.fixture(scope="module")
def kept(kept_fleet: Fleet) -> Router:
    kept_fleet.upstream("vllm", name="first")
    kept_fleet.upstream("ollama", {"m": good, "o": good}, name="second")
    kept_fleet.upstream("vllm", {"v": good}, name="third")
    return kept_fleet.router(body_bytes=2000)


@pytest.fixture
def router(kept: Router) -> Router:
    kept.mark()
    return kept


def message(answer: httpx.Response) -> str:
    """Return the text of an error, in the shape that the dialect of its path has."""
    error = answer.json()["error"]
    if answer.request.url.path.startswith("/api"):
        assert isinstance(error, str)
        return error
    assert set(error) == {"message", "type", "param", "code"}
    text: str = error["message"]
    return text


@pytest.mark.parametrize(
    "path", [CHAT, OLLAMA, "/v1/completions", "/v1/embeddings", "/api/generate", "/api/embed"]
)
@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"model": "m", "messages": "\xff"}', b'{"model": "\\ud8"}',
        b'{"messages": []}', b'{"model": 7}', b'{"model": ""}', b"[" * 5000, b'{"model": NaN}',
    ],
)  # fmt: skip
def test_what_cannot_be_read(router: Router, path: str, body: bytes) -> None:
    answer = router.post(path, body[:2000])
    assert answer.status_code == 400
    assert message(answer)
    assert answer.headers["x-penstock-request-id"]
    router.ended(rejected_invalid=1)


@pytest.mark.parametrize(
    ("path", "fields", "named"),
    [
        (CHAT, {"messages": None}, "messages"),
        (CHAT, {"messages": ["x"]}, "messages"),
        (CHAT, {"stream": "yes"}, "stream"),
        (CHAT, {"max_tokens": "many"}, "max_tokens"),
        (CHAT, {"models": "m"}, "models"),
        (CHAT, {"metadata": []}, "metadata"),
        (OLLAMA, {"options": []}, "options"),
        (OLLAMA, {"options": {"num_ctx": 1.5}}, "num_ctx"),
        (OLLAMA, {"stream": 1}, "stream"),
        ("/v1/embeddings", {}, "input"),
        ("/api/embed", {"input": 7}, "prompt"),
    ],
)
def test_fields_of_the_wrong_type(router: Router, path: str, fields: dict[str, Any], named: str) -> None:
    answer = router.post(path, {"model": "m", "messages": HELLO, **fields})
    assert answer.status_code == 400
    assert named in message(answer)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x_penstock_goal", "speed"), ("x_penstock_priority", "high"), ("x_penstock_patience", "-1"),
        ("x_penstock_patience", "nan"), ("x_penstock_strict", "maybe"),
    ],
)  # fmt: skip
def test_headers_of_the_wrong_kind(router: Router, name: str, value: str) -> None:
    answer = router.post(CHAT, {"model": "m", "messages": HELLO}, **{name: value})
    assert answer.status_code == 400
    assert name.replace("_", "-") in message(answer)


@pytest.mark.parametrize("path", [CHAT, OLLAMA])
def test_an_unknown_model(router: Router, path: str) -> None:
    answer = router.post(path, {"model": "mn", "messages": HELLO})
    assert answer.status_code == 404
    assert "there is m" in message(answer)
    router.ended(rejected_unadmittable=1)


def test_a_name_that_no_header_can_hold(router: Router) -> None:
    answer = router.post(CHAT, {"model": "mü\r\nX-Evil: 1" + "y" * 999, "messages": HELLO})
    assert answer.status_code == 404
    assert "x-evil" not in answer.headers
    assert answer.headers["x-penstock-requested-model"].startswith("m%C3%BC%0D%0A")


def test_a_body_that_is_too_long(router: Router) -> None:
    def pieces() -> Any:
        yield b" " * 1500
        yield b" " * 1500

    assert router.post(CHAT, b" " * 2001).status_code == 413
    assert router.http.post(CHAT, content=pieces()).status_code == 413
    router.ended(rejected_oversized=2)


@pytest.mark.parametrize("path", [CHAT, OLLAMA])
def test_a_prompt_that_is_too_long_for_a_model_here(fleet: Fleet, path: str) -> None:
    fleet.upstream("vllm", {"m": good, "wide": good})
    router = fleet.router(prompt_limits={"m": 100, "*": 1000})
    messages = [{"role": "user", "content": "word " * 200}]
    answer = router.post(path, {"model": "m", "messages": messages})
    assert answer.status_code == 413
    assert "about 254 tokens, and m takes 100" in message(answer)
    assert router.post(path, {"model": "m", "messages": messages[:0]}).status_code == 200
    wide = router.post(path, {"model": "m", "messages": messages, "models": ["wide"], "stream": False})
    assert (wide.status_code, wide.headers["x-penstock-served-model"]) == (200, "wide")
    assert router.post(path, {"model": "wide", "messages": messages * 5}).status_code == 413
    router.ended(rejected_oversized=2, completed=2)


def test_unknown_fields_pass(fleet: Fleet) -> None:
    standin = fleet.upstream("vllm")
    asked = {"model": "m", "messages": HELLO, "guided_choice": ["a"], "x": {"y": [1, None]}}
    assert fleet.router().post(CHAT, asked).status_code == 200
    assert standin.asked[-1][1] == asked


def test_other_methods_and_paths(router: Router) -> None:
    assert router.http.get(CHAT).status_code == 405
    assert router.http.put("/api/chat").status_code == 405
    assert router.http.post("/v1/responses", json={}).status_code == 404
    assert router.http.delete("/api/delete").status_code == 404
    assert router.http.head("/").status_code == 200
    assert router.http.get("/").text == "Penstock is running"
    assert router.http.get("/nothing").json()["type"].startswith("urn:penstock:problem:")


def test_a_page_elsewhere_cannot_call_by_a_name_of_its_own(router: Router) -> None:
    asked = json.dumps({"model": "m", "messages": HELLO}).encode()
    assert router.post(CHAT, asked, Host="evil.example").status_code == 421
    assert router.post(CHAT, asked, Host="localhost:1").status_code == 200
    assert router.http.get("/api/tags", headers={"Host": "evil.example"}).status_code == 421
    assert router.http.get("/router/upstreams", headers={"Host": "evil.example"}).status_code == 421


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"messages": [{"role": "user", "content": 7}]}, "content"),
        ({"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]}, "input_audio"),
        (
            {
                "messages": [
                    {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://x/y"}}]}
                ]
            },
            "data:",
        ),
        ({"messages": [{"role": "assistant", "tool_calls": 7}]}, "tool_calls"),
        ({"messages": [{"role": "assistant", "tool_calls": [{}]}]}, "function"),
        (
            {"messages": [{"role": "assistant", "tool_calls": [{"function": {"arguments": "{"}}]}]},
            "arguments",
        ),
        ({"tools": 7}, "tools"),
        ({"tools": [{}], "tool_choice": {"function": {"name": "other"}}}, "other"),
        ({"response_format": {"type": "grammar"}}, "response_format"),
        ({"logit_bias": {"1": 1}}, "logit_bias"),
    ],
)
def test_what_ollama_cannot_do_is_said(router: Router, fields: dict[str, Any], named: str) -> None:
    answer = router.post(CHAT, {"model": "o", "messages": HELLO, **fields})
    assert answer.status_code == 400
    assert named in message(answer)
    router.ended(rejected_invalid=1)


@pytest.mark.parametrize(
    ("path", "fields", "named"),
    [
        (OLLAMA, {"format": "yaml"}, "format"),
        (OLLAMA, {"messages": [{"role": "user", "content": "", "images": ["%%"]}]}, "images"),
        ("/api/generate", {"prompt": ["x"]}, "prompt"),
    ],
)
def test_what_openai_servers_cannot_do_is_said(
    router: Router, path: str, fields: dict[str, Any], named: str
) -> None:
    answer = router.post(path, {"model": "v", "messages": HELLO, **fields})
    assert answer.status_code == 400
    assert named in message(answer)
