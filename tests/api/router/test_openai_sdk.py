"""The official client of OpenAI against the router, over upstreams of both dialects."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from tests.api.router.fleet import Fleet, Router
from tests.api.router.standin import CALL, WORDS, Standin

TEXT = "".join(WORDS)
HELLO = [{"role": "user", "content": "hello"}]
TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}]
PIXEL = base64.b64encode(b"\x89PNG\r\n\x1a\n....").decode()


@pytest.fixture(scope="module", params=["vllm", "ollama"])
def kept(request: pytest.FixtureRequest, kept_fleet: Fleet) -> tuple[Standin, Router]:
    standin = kept_fleet.upstream(request.param)
    return standin, kept_fleet.router(only=standin)


@pytest.fixture
def standin(kept: tuple[Standin, Router]) -> Standin:
    kept[0].asked.clear()
    return kept[0]


@pytest.fixture
def client(kept: tuple[Standin, Router]) -> Iterator[Any]:
    with openai.OpenAI(base_url=f"{kept[1].url}/v1", api_key="secret", max_retries=0) as made:
        yield made


def body_of(standin: Standin) -> dict[str, Any]:
    return standin.asked[-1][1]


def test_an_answer_in_one_piece(client: Any, standin: Standin) -> None:
    found = client.chat.completions.create(model="m", messages=HELLO)
    assert found.object == "chat.completion"
    assert found.model == "m"
    assert found.choices[0].message.content == TEXT
    assert found.choices[0].finish_reason == "stop"
    assert found.usage is not None
    assert (found.usage.prompt_tokens, found.usage.completion_tokens, found.usage.total_tokens) == (11, 4, 15)


def test_a_stream_and_its_usage(client: Any) -> None:
    chunks = list(
        client.chat.completions.create(
            model="m", messages=HELLO, stream=True, stream_options={"include_usage": True}
        )
    )
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == TEXT
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
    assert len({chunk.id for chunk in chunks}) == 1
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens == 15


def test_a_usage_that_was_not_asked_for_is_not_shown(client: Any) -> None:
    chunks = list(client.chat.completions.create(model="m", messages=HELLO, stream=True))
    assert all(chunk.choices for chunk in chunks)
    assert all(chunk.usage is None for chunk in chunks)


def test_a_limit_of_tokens_and_what_ended_the_answer(client: Any) -> None:
    found = list(client.chat.completions.create(model="m", messages=HELLO, stream=True, max_tokens=4))
    assert [chunk.choices[0].finish_reason for chunk in found][-1] == "length"


@pytest.mark.parametrize("stream", [False, True])
def test_tools_and_their_results(client: Any, standin: Standin, stream: bool) -> None:
    called = {
        "id": "call_9",
        "type": "function",
        "function": {"name": "weather", "arguments": '{"city": "Bern"}'},
    }
    messages = [
        *HELLO,
        {"role": "assistant", "content": None, "tool_calls": [called]},
        {"role": "tool", "tool_call_id": "call_9", "content": "rain"},
    ]
    asked = {"model": "m", "messages": messages, "tools": TOOLS, "tool_choice": "auto", "stream": stream}
    answer = client.chat.completions.create(**asked)
    if stream:
        chunks = [chunk for chunk in answer if chunk.choices]
        pieces = [piece for chunk in chunks for piece in chunk.choices[0].delta.tool_calls or ()]
        name, reason = pieces[0].function.name, chunks[-1].choices[0].finish_reason
        written = "".join(piece.function.arguments or "" for piece in pieces)
        assert pieces[0].id
    else:
        (call,) = answer.choices[0].message.tool_calls
        name, written, reason = call.function.name, call.function.arguments, answer.choices[0].finish_reason
    assert (name, json.loads(written), reason) == (CALL["name"], CALL["arguments"], "tool_calls")
    sent = body_of(standin)
    assert sent["tools"] == TOOLS
    if standin.kind == "ollama":
        assert sent["messages"][1]["tool_calls"][0]["function"]["arguments"] == {"city": "Bern"}
        assert sent["messages"][2]["tool_name"] == "weather"


def test_every_parameter_arrives(client: Any, standin: Standin) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
    client.chat.completions.create(
        model="m", messages=HELLO, temperature=0.3, top_p=0.9, seed=7, stop=["END"], max_tokens=50,
        presence_penalty=0.1, frequency_penalty=0.2, logprobs=True, top_logprobs=2,
        response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": schema}},
        extra_body={"top_k": 5, "min_p": 0.05, "keep_alive": "5m", "unheard_of": {"x": 1}},
    )  # fmt: skip
    sent = body_of(standin)
    if standin.kind == "ollama":
        options = sent["options"]
        assert isinstance(options, dict)
        assert {name: options[name] for name in ("temperature", "top_p", "seed", "stop", "num_predict")} == {
            "temperature": 0.3, "top_p": 0.9, "seed": 7, "stop": ["END"], "num_predict": 50,
        }  # fmt: skip
        assert (options["top_k"], options["min_p"], options["presence_penalty"]) == (5, 0.05, 0.1)
        assert (sent["format"], sent["keep_alive"], sent["top_logprobs"]) == (schema, "5m", 2)
        assert sent["unheard_of"] == {"x": 1}
    else:
        assert (sent["seed"], sent["stop"], sent["top_k"], sent["unheard_of"]) == (7, ["END"], 5, {"x": 1})
        assert sent["response_format"]["json_schema"]["schema"] == schema


def test_probabilities_of_tokens(client: Any) -> None:
    found = client.chat.completions.create(model="m", messages=HELLO, logprobs=True, top_logprobs=1)
    listed = found.choices[0].logprobs
    assert listed is not None
    assert listed.content is not None
    assert [entry.token for entry in listed.content] == list(WORDS)
    assert listed.content[0].top_logprobs[0].logprob == -0.1
    chunks = client.chat.completions.create(model="m", messages=HELLO, logprobs=True, stream=True)
    streamed = [entry for chunk in chunks for entry in (chunk.choices[0].logprobs or listed).content or ()]
    assert WORDS[0] in [entry.token for entry in streamed]


def test_thinking(client: Any) -> None:
    found = client.chat.completions.create(model="m", messages=HELLO, reasoning_effort="high")
    assert found.choices[0].message.reasoning_content == "hmm"
    chunks = list(
        client.chat.completions.create(model="m", messages=HELLO, reasoning_effort="high", stream=True)
    )
    assert "hmm" in [getattr(chunk.choices[0].delta, "reasoning_content", None) for chunk in chunks]


def test_images(client: Any, standin: Standin) -> None:
    parts = [
        {"type": "text", "text": "what is this?"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}},
    ]
    found = client.chat.completions.create(model="m", messages=[{"role": "user", "content": parts}])
    assert found.choices[0].message.content == TEXT
    (sent,) = body_of(standin)["messages"]
    if standin.kind == "ollama":
        assert (sent["content"], sent["images"]) == ("what is this?", [PIXEL])
    else:
        assert sent["content"] == parts


def test_older_completions(client: Any, standin: Standin) -> None:
    found = client.completions.create(model="m", prompt="once", max_tokens=9)
    assert (found.object, found.choices[0].text) == ("text_completion", TEXT)
    chunks = client.completions.create(model="m", prompt="once", stream=True)
    assert "".join(chunk.choices[0].text for chunk in chunks) == TEXT
    if standin.kind == "ollama":
        assert (standin.asked[0][0], standin.asked[0][1]["raw"]) == ("/api/generate", True)


def test_embeddings(client: Any) -> None:
    found = client.embeddings.create(model="m", input=["a", "b"])  # asks for base64 where it can
    assert [entry.embedding for entry in found.data] == [[0.5, -1.25, 3.0]] * 2
    assert found.usage.prompt_tokens == 6
    plain = client.embeddings.create(model="m", input="a", encoding_format="float")
    assert plain.data[0].embedding == [0.5, -1.25, 3.0]


def test_models(client: Any) -> None:
    assert [model.id for model in client.models.list()] == ["m"]
    assert client.models.retrieve("m").id == "m"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("nothing")


def test_errors_are_those_of_the_client(client: Any) -> None:
    with pytest.raises(openai.NotFoundError) as missing:
        client.chat.completions.create(model="mm", messages=HELLO)
    assert "there is m" in str(missing.value)
    assert missing.value.code == "model_not_found"
    with pytest.raises(openai.BadRequestError) as wrong:
        client.chat.completions.create(model="m", messages="hello")
    assert wrong.value.param == "messages"


def test_n_answers_where_the_upstream_can(client: Any, standin: Standin) -> None:
    if standin.kind == "ollama":
        with pytest.raises(openai.BadRequestError, match="one answer"):
            client.chat.completions.create(model="m", messages=HELLO, n=2)
    else:
        found = client.chat.completions.create(model="m", messages=HELLO, n=2)
        assert [choice.index for choice in found.choices] == [0, 1]
