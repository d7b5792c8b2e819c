"""Upstreams that fail: another one is asked, or the client is told, in its dialect and in time."""

import json
from typing import Any

import ollama
import openai
import pytest

from tests.api.router import behaviours as does
from tests.api.router.fleet import Fleet, Router, until, upstreams_of
from tests.api.router.standin import Behaviour, Standin, cut, good

HELLO = [{"role": "user", "content": "hello"}]
CHAT, OLLAMA = "/v1/chat/completions", "/api/chat"
ASKED = {"model": "m", "messages": HELLO}
TIMES: dict[str, Any] = {"first_byte_timeout_s": 0.4, "idle_timeout_s": 0.4, "connect_timeout_s": 0.5}
FAILED = 'penstock_router_attempts_total{result="failed"}'

WHOLE = {
    "drops the connection": does.drop,
    "hangs": does.hang,
    "answers 500": does.status(500, b'{"error": {"message": "boom"}}'),
    "answers 503": does.status(503, b"busy", "text/plain"),
    "redirects": does.status(302, Location="http://127.0.0.1:9/"),
    "sends no JSON": does.status(200, b"<html>", "text/html"),
    "sends half of it": does.status(200, b'{"choices": ['),
    "sends a list": does.status(200, b"[]"),
    "sends an error with 200": does.status(200, b'{"error": {"message": "boom"}}'),
}
STREAMS = {
    "drops the connection": does.drop,
    "hangs": does.hang,
    "answers 500": does.status(500),
    "sends a page": does.whole_in_place_of_a_stream,
    "ends before it began": does.status(200, b"", "text/event-stream"),
    "sends no JSON": does.status(200, b"data: <html>\n\n", "text/event-stream"),
    "begins with an error": does.status(
        200, b'data: {"error": {"message": "boom"}}\n\n', "text/event-stream"
    ),
}


def pair(
    fleet: Fleet, first: Behaviour, kind: str = "vllm", **settings: Any
) -> tuple[Router, Standin, Standin]:
    """A router over an upstream that misbehaves and one that is well."""
    bad = fleet.upstream(kind, {"m": first}, name="bad")
    well = fleet.upstream(kind, name="well")
    return fleet.router(**{**TIMES, **settings}), bad, well


def asked_around(router: Router, body: dict[str, Any], path: str = CHAT) -> None:
    """Ask until a request began at the upstream that fails: ties are broken by the request's id."""
    for _ in range(60):
        answer = router.post(path, body)
        assert answer.status_code == 200, answer.text
        assert answer.headers["x-penstock-node"] == "well"
        if answer.headers["x-penstock-retries"] != "0":
            return
    raise AssertionError("no request began at the upstream that fails")


@pytest.mark.parametrize("what", WHOLE)
def test_another_upstream_is_asked(fleet: Fleet, what: str) -> None:
    asked_around(pair(fleet, WHOLE[what])[0], ASKED)


@pytest.mark.parametrize("what", STREAMS)
def test_another_upstream_is_asked_for_a_stream(fleet: Fleet, what: str) -> None:
    asked_around(pair(fleet, STREAMS[what])[0], {**ASKED, "stream": True})


def test_another_upstream_is_asked_where_one_refuses(fleet: Fleet) -> None:
    router, bad, _ = pair(fleet, good, ask_interval_s=60)
    bad.stop()
    asked_around(router, ASKED)


def test_an_answer_that_is_too_long_is_none(fleet: Fleet) -> None:
    router, _, _ = pair(fleet, does.status(200, b'{"x": "' + b"y" * 5000 + b'"}'), answer_bytes=2000)
    asked_around(router, ASKED)


@pytest.mark.parametrize("code", [400, 401, 404, 422, 429])
@pytest.mark.parametrize("path", [CHAT, OLLAMA])
def test_what_is_the_callers_fault_is_passed_on_and_trips_no_breaker(
    fleet: Fleet, code: int, path: str
) -> None:
    said = b'{"error": {"message": "too hot", "type": "x", "param": null, "code": 7}}'
    router, bad, well = pair(fleet, does.status(code, said, Retry_After="9"), breaker_failures=1)
    well.stop()
    for _ in range(3):
        until(lambda: router.post(path, ASKED).status_code == code)
    answer = router.post(path, ASKED)
    while answer.headers["x-penstock-node"] != "bad":
        answer = router.post(path, ASKED)
    assert answer.status_code == code
    assert answer.headers["retry-after"] == "9"
    assert answer.json() == ({"error": "too hot"} if path == OLLAMA else json.loads(said))
    assert {upstream["breaker"] for upstream in upstreams_of(router) if upstream["id"] == "bad"} == {"closed"}
    assert len(bad.asked) >= 4


def test_an_error_of_the_last_upstream_is_told_in_its_own_words(fleet: Fleet) -> None:
    fleet.upstream(
        "vllm", {"m": does.status(500, b'{"error": {"message": "out of memory"}}', Retry_After="3")}
    )
    router = fleet.router()
    for path in (CHAT, OLLAMA):
        answer = router.post(path, ASKED)
        assert (answer.status_code, answer.headers["retry-after"]) == (500, "3")
        assert "out of memory" in answer.text
    router.ended(upstream_error=2)


def test_attempts_have_a_limit(fleet: Fleet) -> None:
    bad = [fleet.upstream("vllm", {"m": does.status(500)}, name=name) for name in "abcde"]
    router = fleet.router(attempts=3)
    answer = router.post(CHAT, ASKED)
    assert (answer.status_code, answer.headers["x-penstock-retries"]) == (500, "2")
    assert sum(len(standin.asked) for standin in bad) == 3


DEATHS = {
    "is cut": (does.dies, "broke off"),
    "is cut in a line": (does.dies_in_a_line, "broke off"),
    "ends early": (does.ends_early, "broke off"),
    "falls silent": (does.falls_silent, "silent"),
    "tells of an error": (does.after(b'data: {"error": {"message": "boom"}}\n\n', lambda _: None), "boom"),
    "sends no JSON": (does.after(b'data: {"usage": {\n\n', lambda _: None), "not JSON"),
}


@pytest.mark.parametrize("what", DEATHS)
def test_an_upstream_that_dies_within_its_answer(fleet: Fleet, what: str) -> None:
    behaviour, said = DEATHS[what]
    fleet.upstream("vllm", {"m": behaviour})
    fleet.upstream("vllm", {"other": good}, name="well")
    router = fleet.router(**TIMES)
    with openai.OpenAI(base_url=f"{router.url}/v1", api_key="x", max_retries=0) as client:
        asking: Any = client
        stream = asking.chat.completions.create(model="m", messages=HELLO, stream=True)
        assert next(stream).choices[0].delta.content == "begun"
        with pytest.raises(openai.APIError, match=said):
            list(stream)
    asking = ollama.Client(router.url, trust_env=False)
    told = asking.chat("m", HELLO, stream=True)
    assert next(told).message.content == "begun"
    with pytest.raises(ollama.ResponseError, match=said):
        list(told)
    router.ended(upstream_died=2)


LINES = {
    "is cut": (does.dies, "broke off"),
    "is cut in a line": (does.after(b'{"mess', cut), "broke off"),
    "ends early": (does.ends_early, "broke off"),
    "falls silent": (does.falls_silent, "silent"),
    "tells of an error": (does.after(b'{"error": "boom"}\n', lambda _: None), "boom"),
    "sends no JSON": (does.after(b'"done": true\n', lambda _: None), "not JSON"),
}


@pytest.mark.parametrize("what", LINES)
def test_an_ollama_that_dies_within_its_answer(fleet: Fleet, what: str) -> None:
    behaviour, said = LINES[what]
    fleet.upstream("ollama", {"m": behaviour})
    router = fleet.router(**TIMES)
    for path in (CHAT, OLLAMA):
        answer = router.post(path, {**ASKED, "stream": True})
        assert answer.status_code == 200
        assert "begun" in answer.text
        last = answer.text.strip().splitlines()[-1]
        assert said in last
        assert "error" in last
        assert "[DONE]" not in answer.text
        assert '"done":true' not in answer.text.replace(" ", "")
    router.ended(upstream_died=2)


def test_a_compressed_answer_is_read(fleet: Fleet) -> None:
    standin = fleet.upstream("vllm", {"m": does.zipped})
    router = fleet.router()
    answer = router.post(CHAT, ASKED, accept_encoding="gzip")
    assert answer.json()["usage"]["total_tokens"] == 15
    assert "content-encoding" not in answer.headers
    assert standin.headers[-1]["Accept-Encoding"] == "identity"
    router.ended(completed=1)


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_of_another_model_is_named(fleet: Fleet, stream: bool) -> None:
    fleet.upstream("vllm", {"m": does.other_model})
    router = fleet.router()
    asked = {**ASKED, "stream": stream}
    assert router.post(CHAT, asked).headers["x-penstock-served-model"] == "another"
    strict = router.post(CHAT, asked, x_penstock_strict="true")
    assert strict.status_code == 502
    assert "another" in strict.text
    router.ended(completed=1, upstream_error=1)


def test_a_breaker_opens_and_lets_one_request_try(fleet: Fleet) -> None:
    standin = fleet.upstream("vllm", {"m": does.in_turn(*[does.status(500)] * 3, good)})
    router = fleet.router(breaker_failures=2, breaker_cooldown_s=0.4, hold_s=0.05)
    assert [router.post(CHAT, ASKED).status_code for _ in range(2)] == [500, 500]
    assert upstreams_of(router)[0]["breaker"] == "open"
    left_alone = router.post(CHAT, ASKED)
    assert left_alone.status_code == 503
    assert int(left_alone.headers["retry-after"]) >= 1
    assert len(standin.asked) == 2
    until(lambda: upstreams_of(router)[0]["breaker"] == "half-open")
    assert router.post(CHAT, ASKED).status_code == 500  # the probe
    assert upstreams_of(router)[0]["breaker"] == "open"
    until(lambda: router.post(CHAT, ASKED).status_code == 200)
    assert upstreams_of(router)[0]["breaker"] == "closed"
    assert len(standin.asked) == 4


def test_a_request_is_held_until_its_upstream_is_back(fleet: Fleet) -> None:
    standin = fleet.upstream("vllm")
    router = fleet.router(hold_s=20)
    standin.stop()
    fleet.loop.loop.call_soon_threadsafe(fleet.loop.loop.call_later, 0.3, _start, fleet, standin)
    answer = router.post(CHAT, ASKED)
    assert answer.status_code == 200
    assert int(answer.headers["x-penstock-retries"]) >= 1


def _start(fleet: Fleet, standin: Standin) -> None:
    fleet.loop.loop.create_task(standin._start())


def test_a_request_is_held_no_longer_than_is_fit(fleet: Fleet) -> None:
    standin = fleet.upstream("vllm")
    router = fleet.router(hold_s=0.2)
    standin.stop()
    answer = router.post(CHAT, ASKED)
    assert answer.status_code == 502
    assert "cannot be reached" in answer.text
    router.ended(upstream_error=1)


@pytest.mark.parametrize("body", [True, False])
def test_models_to_fall_back_to(fleet: Fleet, body: bool) -> None:
    fleet.upstream("vllm", {"big": does.status(500)}, name="one")
    fleet.upstream("ollama", {"small:latest": good}, name="two")
    router = fleet.router()
    asked = {"model": "big", "messages": HELLO, **({"models": ["none", "small"]} if body else {})}
    named = {} if body else {"x_penstock_fallback_models": "none, small"}
    answer = router.post(CHAT, asked, **named)
    assert answer.status_code == 200
    told = {
        name: answer.headers[f"x-penstock-{name}"] for name in ("requested-model", "served-model", "fallback")
    }
    assert told == {"requested-model": "big", "served-model": "small", "fallback": "true"}
    assert (answer.headers["x-penstock-node"], answer.headers["x-penstock-retries"]) == ("two", "1")
    strict = router.post(CHAT, asked, x_penstock_strict="true", **named)
    assert strict.status_code == 500


def test_a_fallback_serves_where_nobody_has_the_model(fleet: Fleet) -> None:
    standin = fleet.upstream("vllm")
    answer = fleet.router().post(CHAT, {**ASKED, "model": "unheard", "models": ["m"]})
    assert answer.headers["x-penstock-fallback"] == "true"
    assert standin.asked[0][1] == {**ASKED}
