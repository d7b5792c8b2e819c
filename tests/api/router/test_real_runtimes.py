"""The official clients through the router, over a real Ollama and a real llama.cpp; see docs/runtimes.md.

The model has random weights: what it says is nonsense, and how much of it is chance.
"""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ollama
import openai
import pytest

from tests.api.router.fleet import Fleet, Router, until, upstreams_of
from tests.api.router.standin import Loop
from tests.fixtures.ports import free_port
from tests.producers.node.runtimes import real

pytestmark = pytest.mark.runtimes
HELLO = [{"role": "user", "content": "hello"}]


@pytest.fixture(scope="module", params=["ollama", "llamacpp"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def router(kind: str, loop: Loop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Router]:
    folder: Path = tmp_path_factory.mktemp(kind)
    port = free_port()
    serving = real.ollama(folder, port) if kind == "ollama" else real.llama_server(folder, port, "-a", "tiny")
    with serving as server:
        asyncio.run(server.start())
        if kind == "ollama":
            real.create(folder, port)
        fleet = Fleet(loop, folder)
        fleet.named_upstream(server.url, kind)
        yield fleet.router()
        fleet.close()


@pytest.fixture
def ai(router: Router) -> Iterator[Any]:
    router.mark()
    with openai.OpenAI(base_url=f"{router.url}/v1", api_key="x", max_retries=0) as client:
        yield client


@pytest.fixture
def llama(router: Router) -> Iterator[Any]:
    router.mark()
    client = ollama.Client(router.url, trust_env=False)
    yield client
    client._client.close()


def test_openai_in_one_piece(ai: Any, router: Router) -> None:
    found = ai.chat.completions.create(model="tiny", messages=HELLO, max_tokens=8, seed=1, temperature=0.5)
    assert isinstance(found.choices[0].message.content, str)
    assert found.choices[0].finish_reason in ("stop", "length")
    assert 1 <= found.usage.completion_tokens <= 8
    router.ended(completed=1)


def test_openai_streamed(ai: Any, router: Router) -> None:
    chunks = list(
        ai.chat.completions.create(
            model="tiny", messages=HELLO, max_tokens=8, stream=True, stream_options={"include_usage": True}
        )
    )
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] in ("stop", "length")
    assert chunks[-1].usage.completion_tokens >= 1
    silent = list(ai.chat.completions.create(model="tiny", messages=HELLO, max_tokens=8, stream=True))
    assert all(chunk.usage is None for chunk in silent)
    router.ended(completed=2)


def test_openai_completions(ai: Any) -> None:
    found = ai.completions.create(model="tiny", prompt="once upon", max_tokens=8)
    assert isinstance(found.choices[0].text, str)
    chunks = list(ai.completions.create(model="tiny", prompt="once upon", max_tokens=8, stream=True))
    assert chunks[-1].choices[0].finish_reason in ("stop", "length")


def test_openai_probabilities(ai: Any) -> None:
    found = ai.chat.completions.create(
        model="tiny", messages=HELLO, max_tokens=4, logprobs=True, top_logprobs=2
    )
    entries = found.choices[0].logprobs.content
    assert len(entries) >= 1
    assert all(entry.logprob <= 0 for entry in entries)


def test_openai_json(ai: Any) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "boolean"}}, "required": ["a"]}
    wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    found = ai.chat.completions.create(model="tiny", messages=HELLO, max_tokens=30, response_format=wanted)
    assert found.choices[0].message.content.lstrip()[:1] == "{"


def test_ollama_in_one_piece(llama: Any, router: Router) -> None:
    found = llama.chat("tiny", HELLO, options={"num_predict": 8, "seed": 1})
    assert isinstance(found.message.content, str)
    assert found.done_reason in ("stop", "length")
    assert 1 <= found.eval_count <= 8
    assert found.eval_duration is None or found.eval_duration > 0
    router.ended(completed=1)


def test_ollama_streamed(llama: Any, router: Router) -> None:
    parts = list(llama.chat("tiny", HELLO, stream=True, options={"num_predict": 8}))
    assert [part.done for part in parts] == [False] * (len(parts) - 1) + [True]
    assert parts[-1].eval_count >= 1
    parts = list(llama.generate("tiny", "once upon", stream=True, options={"num_predict": 8}))
    assert parts[-1].done
    router.ended(completed=2)


def test_ollama_json(llama: Any) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "boolean"}}, "required": ["a"]}
    found = llama.chat("tiny", HELLO, format=schema, options={"num_predict": 30})
    assert found.message.content.lstrip()[:1] == "{"


def test_ollama_loads_and_lists(llama: Any, kind: str) -> None:
    assert llama.generate("tiny").done
    named = "tiny:latest" if kind == "ollama" else "tiny"
    assert named in [model.model for model in llama.list().models]
    assert llama.show("tiny") is not None


def test_openai_lists(ai: Any) -> None:
    (model,) = ai.models.list()
    assert ai.models.retrieve(model.id).id == model.id


def test_embeddings(ai: Any, llama: Any, kind: str) -> None:
    if kind == "llamacpp":
        with pytest.raises(openai.APIStatusError) as refused:  # the server was not started for it
            ai.embeddings.create(model="tiny", input="a")
        assert refused.value.status_code in (400, 501)
        return
    found = ai.embeddings.create(model="tiny", input=["a", "b"])
    assert len(found.data) == 2
    assert len(found.data[0].embedding) == len(llama.embed("tiny", "a").embeddings[0])


def test_the_context_of_a_loaded_model_is_kept(llama: Any, router: Router, kind: str) -> None:
    if kind == "llamacpp":
        pytest.skip("it has one context for its life")
    llama.generate("tiny", "x", options={"num_ctx": 512, "num_predict": 1})
    router.ended(completed=1)
    loaded = llama.ps().models[0].context_length
    for _ in range(2):
        llama.generate("tiny", "x", options={"num_ctx": 256, "num_predict": 1})
    assert llama.ps().models[0].context_length == loaded


def test_what_the_router_knows(router: Router, kind: str) -> None:
    (upstream,) = upstreams_of(router)
    assert upstream["models"]
    assert upstream["slots"] == (2 if kind == "llamacpp" else None)
    assert upstream["error"] is None


def test_what_the_model_cannot_do_is_known_from_the_runtime(ai: Any, router: Router, kind: str) -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
    asking = [{"role": "user", "content": [image, {"type": "text", "text": "?"}]}]

    def refused() -> bool:
        with pytest.raises(openai.BadRequestError) as told:
            ai.chat.completions.create(model="tiny", messages=asking, max_tokens=4)
        return "cannot see images: its runtime says so" in str(told.value)

    until(refused)
    told = router.http.get("/router/choice", params={"model": "tiny", "images": 1}).json()
    assert [one["excluded"] for one in told["candidates"]] == ["cannot see images"]
    if kind == "ollama":
        with pytest.raises(openai.BadRequestError, match="n is 1"):
            ai.chat.completions.create(model="tiny", messages=HELLO, max_tokens=4, n=2)


def test_a_model_is_loaded_ahead(llama: Any, router: Router, kind: str) -> None:
    if kind == "llamacpp":
        assert router.http.post("/router/warm", params={"model": "tiny"}).json()["took_s"] == 0
        return
    llama.generate("tiny", keep_alive=0)
    until(lambda: not llama.ps().models)
    until(lambda: router.http.post("/router/warm", params={"model": "tiny"}).json()["took_s"] > 0)
    assert [model.model for model in llama.ps().models] == ["tiny:latest"]
