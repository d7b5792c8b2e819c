"""The fallback to what is in memory: off unless asked for, told with every answer, and never a surprise."""

from math import nan
from pathlib import Path
from typing import Any

import pytest

from api.allowance import Allowance
from api.auth import KeyRing
from api.router.substitutes import Substitutes, category, substitutes
from schemas.events.node_state import ModelState
from tests.api.router.fleet import Fleet, Router, until
from tests.api.router.knowing import MODEL, Known, ask, available, registered, running, runtime, state
from tests.api.router.standin import good

CHAT = "/v1/chat/completions"
WANTED = {"x_penstock_resident_fallback": "true"}


def test_a_category_is_in_the_name() -> None:
    told = {
        "qwen3-coder:30b": "coding",
        "codellama:7b": "coding",
        "deepseek-r1:8b": "reasoning",
        "llama3.2-vision:11b": "vision",
        "qwen2.5-VL:7b": "vision",
        "nomic-embed-text": "embedding",
        "llama3.1:8b": "general",
    }
    assert {name: category(name) for name in told} == told


def test_the_most_alike_in_size_comes_first() -> None:
    residents = {"a": 4e9, "b": 40e9, "c": 9e9, "m": 8e9, "coder": 8e9, "unsized": nan}
    assert substitutes("m", 8e9, residents, ()) == ["c", "a", "b", "unsized"]
    assert substitutes("m", nan, residents, ())[:2] == ["a", "c"]


def test_lists_of_operators_count_alone() -> None:
    residents = {"a": 1.0, "b": 1.0, "coder": 1.0}
    lists = [("m", "coder", "away", "b")]
    assert substitutes("m:latest", nan, residents, lists) == ["coder", "b"]
    assert substitutes("nomic-embed-text", nan, {"mxbai-embed-large": 1.0}, ()) == []


def cold(fleet: Fleet, **settings: Any) -> Router:
    """A router over an Ollama that has one of its models in memory."""
    standin = fleet.upstream("ollama", {"big": good, "small": good, "coder": good})
    standin.loaded = {"small", "coder"}
    return fleet.router(**settings)


def served(router: Router, model: str = "big", **headers: str) -> tuple[str, str, str]:
    body = {"model": model, "messages": [{"role": "user", "content": "hello"}]}
    answer = router.post(CHAT, body, **headers)
    assert answer.status_code == 200, answer.text
    told = answer.headers
    assert answer.json()["model"] == told["x-penstock-served-model"]
    return (
        told["x-penstock-served-model"], told["x-penstock-fallback"],
        told.get("x-penstock-fallback-reason", ""),
    )  # fmt: skip


def test_without_a_word_the_model_is_loaded(fleet: Fleet) -> None:
    assert served(cold(fleet)) == ("big", "false", "")


def test_who_asks_for_it_gets_what_is_in_memory_and_is_told(fleet: Fleet) -> None:
    router = cold(fleet)
    assert served(router, **WANTED) == ("small", "true", "resident")
    assert served(router, "small", **WANTED) == ("small", "false", "")
    told = router.http.get("/router/choice", params={"model": "big", "resident_fallback": True}).json()
    assert (told["served_model"], told["fallback"]) == ("small", "resident")
    told = router.http.get("/router/choice", params={"model": "big"}).json()
    assert (told["served_model"], told["fallback"]) == ("big", None)


def test_a_model_that_is_in_memory_anywhere_has_no_substitute() -> None:
    """It is sooner at an idle node, though it has to be loaded there; that is no reason for another model."""
    known = Known()
    for name, requests, loaded in (("busy", 400.0, [MODEL]), ("idle", 0.0, ["other"])):
        models = (available(size_bytes=2e9), available("other", size_bytes=2e9))
        place: dict[str, Any] = {"runtime_id": "ollama:1", "kind": "ollama", "slots": 1.0}
        known.tell(
            registered(name, runtime(name, *models, url=f"http://{name}:1", **place)),
            state(
                name,
                runtimes=(running(requests, **place),),
                models=tuple(ModelState(model, "ollama:1") for model in loaded),
            ),
        )
    cold = known.choose()
    assert (cold.upstream.node_id, cold.loads) == ("idle", True)
    found = Substitutes(known.chooser, known.chooser.memory, usual=True)
    assert found.instead(ask(), cold, frozenset()) is cold
    known.tell(state("busy", runtimes=(running(400.0, **place),), models=()))
    residents = known.chooser.memory.residents
    until(lambda: MODEL not in residents())
    other = found.instead(ask(), known.choose(), frozenset())
    assert (other.served, other.fallback) == ("other", "resident")


def test_the_setting_holds_for_who_does_not_say(fleet: Fleet) -> None:
    router = cold(fleet, resident_fallback=True)
    assert served(router) == ("small", "true", "resident")
    assert served(router, x_penstock_resident_fallback="false")[0] == "big"
    assert served(router, x_penstock_strict="true")[0] == "big"


def test_a_list_of_the_settings_is_followed(fleet: Fleet) -> None:
    router = cold(fleet, interchangeable=[["big", "coder"]])
    assert served(router, **WANTED)[0] == "coder"


def test_the_callers_own_list_comes_first(fleet: Fleet) -> None:
    router = cold(fleet)
    named = {"x_penstock_fallback_models": "coder"}
    assert served(router, **WANTED, **named) == ("coder", "true", "listed")
    assert served(router, **named)[0] == "big"


def test_a_key_may_have_it_and_gets_no_model_that_it_may_not_use(fleet: Fleet, tmp_path: Path) -> None:
    ring = KeyRing(tmp_path)
    may = ring.create("may", allowance=Allowance(resident_fallback=True))
    bound = ring.create("bound", allowance=Allowance(resident_fallback=True, models=("big",)))
    router = cold(fleet)
    assert served(router, authorization=f"Bearer {may}")[0] == "small"
    assert served(router, authorization=f"Bearer {bound}")[0] == "big"


def test_embeddings_have_no_substitute(fleet: Fleet) -> None:
    answer = cold(fleet).post("/v1/embeddings", {"model": "big", "input": "a"}, **WANTED)
    assert answer.headers["x-penstock-served-model"] == "big"


@pytest.mark.parametrize("word", ["maybe", "2"])
def test_what_is_neither_yes_nor_no_is_an_error(fleet: Fleet, word: str) -> None:
    body = {"model": "big", "messages": []}
    assert cold(fleet).post(CHAT, body, x_penstock_resident_fallback=word).status_code == 400
