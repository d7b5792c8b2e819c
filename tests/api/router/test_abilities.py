"""What a model cannot do, as its runtime says: requests that need it go elsewhere, or are told so."""

from typing import Any

import pytest

from api.router.abilities import ABLE, IMAGES, TOOLS, denied_by_llamacpp, denied_by_ollama, in_words
from tests.api.router.fleet import Fleet, Router, until
from tests.api.router.standin import good

CHAT = "/v1/chat/completions"
IMAGE = "data:image/png;base64,iVBORw0KGgo="
PARTS = [{"type": "image_url", "image_url": {"url": IMAGE}}, {"type": "text", "text": "what is it?"}]
LOOK = {"model": "m", "messages": [{"role": "user", "content": PARTS}]}
HELLO = {"model": "m", "messages": [{"role": "user", "content": "hello"}]}
TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}


def test_only_what_a_runtime_denies_is_held_against_it() -> None:
    assert denied_by_ollama(["completion"]) == {IMAGES, TOOLS}
    assert denied_by_ollama(["completion", "vision", "tools"]) == ABLE
    nothing: tuple[object, ...] = (None, [], "vision", {})
    assert {denied_by_ollama(one) for one in nothing} == {ABLE}
    assert denied_by_llamacpp({"modalities": {"vision": False}}) == {IMAGES}
    little: tuple[object, ...] = (
        None,
        {},
        {"modalities": {}},
        {"modalities": {"vision": True}},
        {"modalities": 3},
    )
    assert {denied_by_llamacpp(one) for one in little} == {ABLE}
    assert in_words({TOOLS, IMAGES}) == "cannot see images and cannot use tools"


def test_an_ollama_says_whether_a_model_thinks(fleet: Fleet) -> None:
    standin = fleet.upstream("ollama", {"quiet": good})
    standin.capabilities = ["completion", "thinking"]
    router = fleet.router()
    asked = {"model": "quiet", "messages": HELLO["messages"], "max_tokens": 500}
    until(lambda: "x-penstock-token-budget" in router.post(CHAT, asked).headers)
    assert standin.asked[-1][1]["options"]["num_predict"] == 2000


def blind_and_seeing(fleet: Fleet) -> Router:
    """A router over an Ollama that says its model sees nothing, and two servers that see or do not say."""
    blind = fleet.upstream("ollama", name="blind")
    blind.capabilities = ["completion"]
    fleet.upstream("ollama", name="seeing")
    fleet.upstream("vllm", name="silent")
    router = fleet.router()
    until(lambda: "blind" not in nodes_of(router, LOOK, 3))
    return router


def nodes_of(router: Router, body: dict[str, Any], count: int) -> set[str]:
    answers = [router.post(CHAT, body) for _ in range(count)]
    assert all(answer.status_code == 200 for answer in answers), answers[0].text
    return {answer.headers["x-penstock-node"] for answer in answers}


def test_images_go_to_what_can_see_or_does_not_say(fleet: Fleet) -> None:
    router = blind_and_seeing(fleet)
    until(lambda: "seeing" in nodes_of(router, LOOK, 1))
    until(lambda: "silent" in nodes_of(router, LOOK, 1))
    assert nodes_of(router, LOOK, 20) <= {"seeing", "silent"}
    until(lambda: "blind" in nodes_of(router, HELLO, 1))
    told = router.http.get("/router/choice", params={"model": "m", "images": 1}).json()
    excluded = {one["node_id"]: one["excluded"] for one in told["candidates"]}
    assert excluded == {"blind": "cannot see images", "seeing": "", "silent": ""}
    assert told["places"] == 3


def test_several_answers_go_where_they_can_be_had(fleet: Fleet) -> None:
    fleet.upstream("ollama", name="one")
    fleet.upstream("vllm", name="several")
    router = fleet.router()
    for _ in range(10):
        answer = router.post(CHAT, {**HELLO, "n": 2})
        assert [choice["index"] for choice in answer.json()["choices"]] == [0, 1]
        assert answer.headers["x-penstock-node"] == "several"


@pytest.mark.parametrize(
    ("body", "param", "said"),
    [
        (LOOK, "messages", "m cannot see images"),
        ({**HELLO, "tools": [TOOL]}, "tools", "m cannot use tools"),
    ],
)
def test_what_no_upstream_can_do_is_told_before_it_waits(
    fleet: Fleet, body: dict[str, Any], param: str, said: str
) -> None:
    standin = fleet.upstream("ollama")
    standin.capabilities = ["completion"]
    router = fleet.router()
    until(lambda: router.post(CHAT, body).status_code == 400)
    router.mark()
    answer = router.post(CHAT, body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)
    assert said in answer.json()["error"]["message"]
    ollama = router.post("/api/chat", {**HELLO, "tools": [TOOL]})
    assert (ollama.status_code, ollama.json()) == (400, {"error": "m cannot use tools: its runtime says so"})
    router.ended(rejected_unadmittable=2)
    assert router.metrics()["penstock_router_queue_wait_seconds_count"] == 0


def test_a_fallback_that_can_see_is_taken(fleet: Fleet) -> None:
    blind = fleet.upstream("ollama", {"m": good}, name="blind")
    blind.capabilities = ["completion"]
    fleet.upstream("vllm", {"eyes": good}, name="seeing")
    router = fleet.router()
    until(lambda: router.post(CHAT, LOOK).status_code == 400)
    answer = router.post(CHAT, {**LOOK, "models": ["eyes"]})
    assert answer.headers["x-penstock-served-model"] == "eyes"
    assert answer.headers["x-penstock-fallback-reason"] == "listed"
