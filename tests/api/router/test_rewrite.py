"""What the router changes in requests, and that it says so."""

from typing import Any

import orjson
import pytest

from api.router import request
from api.router.ask import NOBODY, Ask
from api.router.endpoints import ENDPOINTS
from api.router.plan import plan
from api.router.rewrite import BUDGET_NOTE, CONTEXT_NOTE, OVERFLOW_NOTE, Rules, Written, thinks
from api.router.seams import Choice, Upstream

HELLO = [{"role": "user", "content": "hello"}]


def ask(path: str, **fields: Any) -> Ask:
    body = orjson.dumps({"model": "m", "messages": HELLO, "prompt": "x", "input": "x", **fields})
    return request.read(ENDPOINTS[path], {}, body, NOBODY)


def written(asked: Ask, kind: str, *, context: int | None = None, model: str = "m", **rules: Any) -> Written:
    choice = Choice(Upstream("u", "u", "http://u", kind), model, asked.model, context_length=context)
    return plan(asked, choice).write(asked, choice, Rules(**rules))


@pytest.mark.parametrize("path", ["/api/chat", "/api/generate", "/v1/chat/completions", "/v1/completions"])
@pytest.mark.parametrize(
    ("asked", "loaded", "sent", "noted"),
    [
        (None, 8192, 8192, None),
        (2048, 8192, 8192, b"asked 2048, kept 8192"),
        (8192, 8192, 8192, None),
        (32768, 8192, 32768, b"asked 32768, loaded 8192: loaded anew"),
        (2048, None, 2048, None),
        (None, None, None, None),
    ],
)
def test_a_loaded_context_is_kept(
    path: str, asked: int | None, loaded: int | None, sent: int | None, noted: bytes | None
) -> None:
    options = {"options": {"num_ctx": asked, "top_k": 3}} if asked else {}
    found = written(ask(path, **options), "ollama", context=loaded)
    body = orjson.loads(found.body)
    assert body.get("options", {}).get("num_ctx") == sent
    assert (found.notes or {}).get(CONTEXT_NOTE) == noted
    if asked:
        assert body["options"]["top_k"] == 3


@pytest.mark.parametrize("path", ["/api/chat", "/v1/chat/completions"])
@pytest.mark.parametrize("kind", ["ollama", "vllm"])
def test_a_prompt_that_seems_longer_than_the_context_is_told(path: str, kind: str) -> None:
    long = [{"role": "user", "content": "word " * 1000}]
    found = written(ask(path, messages=long), kind, context=1000)
    assert (found.notes or {})[OVERFLOW_NOTE] == b"about 1254 tokens, context 1000"
    for context in (2000, None):
        assert OVERFLOW_NOTE not in (written(ask(path, messages=long), kind, context=context).notes or {})


@pytest.mark.parametrize(("rule", "noted"), [("warn", b"asked 2048, loaded 8192"), ("off", None)])
def test_a_context_may_be_left_as_it_is_asked(rule: str, noted: bytes | None) -> None:
    asked = ask("/api/chat", options={"num_ctx": 2048})
    choice = Choice(Upstream("u", "u", "http://u", "ollama"), "m", "m", context_length=8192)
    found = plan(asked, choice).write(asked, choice, Rules(context=rule))  # type: ignore[arg-type]
    assert found.body == asked.body
    assert (found.notes or {}).get(CONTEXT_NOTE) == noted


@pytest.mark.parametrize(
    ("path", "kind", "fields", "sent"),
    [
        ("/api/chat", "ollama", {"options": {"num_predict": 200}}, 1024),
        ("/api/chat", "ollama", {"options": {"num_predict": 500}}, 2000),
        ("/api/chat", "vllm", {"options": {"num_predict": 500}}, 2000),
        ("/v1/chat/completions", "vllm", {"max_tokens": 500}, 2000),
        ("/v1/chat/completions", "ollama", {"max_tokens": 500}, 2000),
        ("/v1/chat/completions", "ollama", {"max_completion_tokens": 500}, 500),
        ("/api/chat", "ollama", {"options": {"num_predict": 500}, "think": False}, 500),
        ("/api/chat", "ollama", {"options": {"num_predict": -1}}, -1),
    ],
)
def test_models_that_think_have_room_to(path: str, kind: str, fields: dict[str, Any], sent: int) -> None:
    found = written(ask(path, model="gpt-oss:20b", **fields), kind, model="gpt-oss:20b", thinking_factor=4.0)
    body = orjson.loads(found.body)
    limit = body["max_tokens"] if "max_tokens" in body else body["options"]["num_predict"]
    assert limit == sent
    assert (BUDGET_NOTE in (found.notes or {})) == (sent in (1024, 2000))


@pytest.mark.parametrize(
    ("told", "model", "sent"),
    [(True, "qwen3:8b", 2000), (False, "gpt-oss:20b", 500), (None, "qwen3:8b", 500)],
)
def test_what_a_runtime_says_of_thinking_counts_for_more_than_a_name(
    told: bool | None, model: str, sent: int
) -> None:
    asked = ask("/api/chat", model=model, options={"num_predict": 500})
    choice = Choice(Upstream("u", "u", "http://u", "ollama"), model, model, thinks=told)
    found = plan(asked, choice).write(asked, choice, Rules(thinking_factor=4.0))
    assert orjson.loads(found.body)["options"]["num_predict"] == sent


def test_who_wants_no_thinking_needs_no_room_for_it() -> None:
    asked = ask("/v1/chat/completions", model="gpt-oss:20b", max_tokens=500, reasoning_effort="none")
    found = written(asked, "ollama", model="gpt-oss:20b", thinking_factor=4.0)
    assert orjson.loads(found.body)["options"]["num_predict"] == 500


def test_other_models_have_what_they_asked_for() -> None:
    asked = ask("/api/chat", options={"num_predict": 5})
    found = written(asked, "ollama", thinking_factor=4.0)
    assert (found.body, found.notes) == (asked.body, None)
    assert not thinks("qwen3-coder:30b")
    assert thinks("library/DeepSeek-R1:8b")


def test_what_only_the_router_reads_goes_no_further() -> None:
    found = written(ask("/v1/chat/completions", models=["a"], fallback_models=["b"], user="u"), "vllm")
    assert orjson.loads(found.body).keys() == {"model", "messages", "prompt", "input", "user"}
