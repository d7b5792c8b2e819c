"""The official client of Ollama against the router, over upstreams of both dialects."""

import base64
from collections.abc import Iterator
from typing import Any

import ollama
import pytest

from tests.api.router.fleet import Fleet, Router
from tests.api.router.standin import CALL, WORDS, Standin

TEXT = "".join(WORDS)
HELLO = [{"role": "user", "content": "hello"}]
PIXEL = b"\x89PNG\r\n\x1a\n...."
TOOLS = [
    {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}
]


@pytest.fixture(scope="module", params=["ollama", "llamacpp"])
def kept(request: pytest.FixtureRequest, kept_fleet: Fleet) -> tuple[Standin, Router]:
    standin = kept_fleet.upstream(request.param)
    return standin, kept_fleet.router(only=standin)


@pytest.fixture
def standin(kept: tuple[Standin, Router]) -> Standin:
    kept[0].asked.clear()
    return kept[0]


@pytest.fixture
def client(kept: tuple[Standin, Router]) -> Iterator[Any]:
    made = ollama.Client(kept[1].url, trust_env=False)
    yield made
    made._client.close()


def body_of(standin: Standin) -> dict[str, Any]:
    return standin.asked[-1][1]


def test_an_answer_in_one_piece(client: Any) -> None:
    found = client.chat("m", HELLO)
    assert found.message.content == TEXT
    assert (found.model, found.done, found.done_reason) == ("m", True, "stop")
    assert (found.prompt_eval_count, found.eval_count) == (11, 4)
    assert found.total_duration is not None


def test_a_stream(client: Any) -> None:
    found = list(client.chat("m", HELLO, stream=True))
    assert "".join(part.message.content or "" for part in found) == TEXT
    assert [part.done for part in found] == [False] * (len(found) - 1) + [True]
    assert (found[-1].done_reason, found[-1].prompt_eval_count, found[-1].eval_count) == ("stop", 11, 4)


def test_a_limit_of_tokens_and_what_ended_the_answer(client: Any) -> None:
    found = list(client.chat("m", HELLO, stream=True, options={"num_predict": 4}))
    assert found[-1].done_reason == "length"


@pytest.mark.parametrize("stream", [False, True])
def test_tools_and_their_results(client: Any, standin: Standin, stream: bool) -> None:
    messages = [
        *HELLO,
        {
            "role": "assistant",
            "tool_calls": [{"function": {"name": "weather", "arguments": {"city": "Bern"}}}],
        },
        {"role": "tool", "tool_name": "weather", "content": "rain"},
    ]
    answer: Any = client.chat("m", messages, tools=TOOLS, stream=stream)
    parts = list(answer) if stream else [answer]
    (call,) = [call for part in parts for call in part.message.tool_calls or ()]
    assert (call.function.name, call.function.arguments) == (CALL["name"], CALL["arguments"])
    sent = body_of(standin)["messages"]
    if standin.kind == "llamacpp":
        assert sent[1]["tool_calls"][0]["function"]["arguments"] == '{"city":"Bern"}'
        assert sent[2]["tool_call_id"] == sent[1]["tool_calls"][0]["id"]


def test_every_option_arrives(client: Any, standin: Standin) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
    options = {
        "temperature": 0.3, "top_p": 0.9, "top_k": 5, "min_p": 0.05, "seed": 7, "stop": ["END"],
        "num_predict": 50, "repeat_penalty": 1.2, "num_ctx": 8192,
    }  # fmt: skip
    client.chat("m", HELLO, format=schema, options=options, keep_alive="5m", logprobs=True, top_logprobs=2)
    sent = body_of(standin)
    if standin.kind == "ollama":
        assert (sent["options"], sent["format"], sent["keep_alive"]) == (options, schema, "5m")
    else:
        assert {name: sent[name] for name in ("temperature", "top_p", "top_k", "min_p", "seed", "stop")} == {
            name: options[name] for name in ("temperature", "top_p", "top_k", "min_p", "seed", "stop")
        }
        assert (sent["max_tokens"], sent["repeat_penalty"], sent["logprobs"]) == (50, 1.2, True)
        assert sent["response_format"]["json_schema"]["schema"] == schema
        assert not {"num_ctx", "keep_alive", "options", "format"} & sent.keys()


@pytest.mark.parametrize("stream", [False, True])
def test_probabilities_of_tokens(client: Any, stream: bool) -> None:
    answer: Any = client.chat("m", HELLO, logprobs=True, stream=stream)
    listed = [entry for part in (answer if stream else [answer]) for entry in part.logprobs or ()]
    assert [entry.token for entry in listed] == list(WORDS)


@pytest.mark.parametrize("stream", [False, True])
def test_thinking(client: Any, standin: Standin, stream: bool) -> None:
    answer: Any = client.chat("m", HELLO, think=True, stream=stream)
    parts = list(answer) if stream else [answer]
    assert "".join(part.message.thinking or "" for part in parts) == "hmm"
    assert "".join(part.message.content or "" for part in parts) == TEXT
    if standin.kind == "llamacpp":
        assert body_of(standin)["chat_template_kwargs"] == {"enable_thinking": True}


def test_images(client: Any, standin: Standin) -> None:
    client.chat("m", [{"role": "user", "content": "what is this?", "images": [PIXEL]}])
    (sent,) = body_of(standin)["messages"]
    if standin.kind == "llamacpp":
        encoded = base64.b64encode(PIXEL).decode()
        assert sent["content"][1] == {
            "type": "image_url",
            "image_url": {"url": f"data:image/png;base64,{encoded}"},
        }


def test_generations(client: Any, standin: Standin) -> None:
    found = client.generate("m", "once", system="be brief")
    assert (found.response, found.done, found.eval_count) == (TEXT, True, 4)
    assert "".join(part.response for part in client.generate("m", "once", stream=True)) == TEXT
    raw = client.generate("m", "once", raw=True)
    assert raw.response == TEXT
    if standin.kind == "llamacpp":
        assert [path for path, _ in standin.asked] == ["/v1/chat/completions"] * 2 + ["/v1/completions"]
        assert standin.asked[0][1]["messages"][0] == {"role": "system", "content": "be brief"}


def test_loading_a_model(client: Any, standin: Standin) -> None:
    found = client.generate("m")
    assert (found.response, found.done) == ("", True)
    assert client.chat("m").done
    if standin.kind == "llamacpp":
        assert standin.asked == []


def test_embeddings(client: Any) -> None:
    found = client.embed("m", ["a", "b"])
    assert [list(vector) for vector in found.embeddings] == [[0.5, -1.25, 3.0]] * 2
    assert found.prompt_eval_count == 6
    assert list(client.embeddings("m", "a").embedding) == [0.5, -1.25, 3.0]


def test_listings(client: Any) -> None:
    assert [model.model for model in client.list().models] == ["m"]
    assert [model.model for model in client.ps().models] == ["m"]
    assert "completion" in (client.show("m").capabilities or [])
    with pytest.raises(ollama.ResponseError) as missing:
        client.show("nothing")
    assert missing.value.status_code == 404


def test_errors_are_those_of_the_client(client: Any) -> None:
    with pytest.raises(ollama.ResponseError) as missing:
        client.chat("mm", HELLO)
    assert missing.value.status_code == 404
    assert "there is m" in missing.value.error
