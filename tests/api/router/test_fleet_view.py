import math
from typing import Any

import pytest

from api.query.fleet import Node
from api.router.fleet_view import Server, condition, loaded_models, memory_bytes, servers, slots
from api.router.listed import listed
from api.router.offers import Offer, contexts, is_loaded, is_unheard, offers
from api.router.scoring.place import UNKNOWN_CONDITION
from api.router.upstream.inventory import Inventory, Model
from schemas.errors import ConfigError
from schemas.events.node_registered import RuntimeInventory
from schemas.events.node_state import GpuState, ModelState
from schemas.events.reading import NAN
from schemas.settings import RouterSettings, UpstreamSettings
from tests.api.router.knowing import HOST, available, registered, running, runtime, state, us

DAY_S = 86_400


def found(*nodes: Node, **settings: Any) -> dict[str, Server]:
    told = RouterSettings.model_validate(settings)
    return dict(servers(nodes, listed(told), hostname=HOST, now_us=us()).usable)


def one(*, told: RuntimeInventory | None = None, **fields: Any) -> Server:
    node = Node("n1", state("n1", **fields), registered("n1", told or runtime("n1")), seen_at=us())
    (server,) = servers([node], {}, hostname=HOST, now_us=us()).usable.values()
    return server


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [("vllm", "vllm"), ("ollama", "ollama"), ("sglang", "sglang"), ("lmstudio", "openai")],
)  # fmt: skip
def test_runtimes_of_any_kind_are_asked_in_a_dialect_they_speak(kind: str, wanted: str) -> None:
    assert one(told=runtime("n1", kind=kind)).upstream.kind == wanted


@pytest.mark.parametrize("url", ["", "n1:8000", "http://", "nonsense"])
def test_a_runtime_without_an_address_is_withdrawn(url: str) -> None:
    node = Node("n1", registered=registered("n1", runtime("n1", url=url)))
    assert servers([node], {}, hostname=HOST, now_us=us()).withdrawn[0].reason == (
        "its agent tells no address of it"
    )


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1", "http://localhost:1", "http://[::1]:1", "http://127.9.9.9:1"]
)
def test_loopback_is_of_one_machine(url: str) -> None:
    for host, usable in ((HOST, 1), ("there", 0)):
        node = Node("n1", registered=registered("n1", runtime("n1", url=url), hostname=host))
        assert len(found(node)) == usable


def test_a_node_that_was_silent_for_a_day_is_gone() -> None:
    old = registered("n1", occurred_at=us(DAY_S + 60))
    assert found(Node("n1", registered=old)) == {}
    assert len(found(Node("n1", registered=old, seen_at=us(60)))) == 1
    assert len(found(Node("n1", registered=registered("n1")))) == 1
    assert found(Node("n1", state("n1"))) == {}  # a state without a registration names no address


def test_two_listed_upstreams_of_one_name_are_an_error_and_v1_is_left_off() -> None:
    one_, other = UpstreamSettings(url="http://a:1/v1/"), UpstreamSettings(url="http://u:p@a:1")
    assert listed(RouterSettings(upstreams=(one_,)))["a:1"].upstream.base_url == "http://a:1"
    with pytest.raises(ConfigError, match="same name"):
        listed(RouterSettings(upstreams=(one_, other)))


def test_memory_is_the_accelerators_else_the_hosts() -> None:
    gpu = GpuState("g", "ok", "normal", memory_used_bytes=3.0, memory_total_bytes=10.0)
    unknown = GpuState("h", "lost", "unknown")
    assert memory_bytes(state(gpus=(gpu, gpu, unknown))) == (14.0, 20.0)
    assert memory_bytes(state(gpus=(unknown,), memory_available_bytes=5.0, memory_total_bytes=8.0)) == (
        5.0,
        8.0,
    )


def test_a_condition_is_what_the_state_says() -> None:
    told = condition(
        one(thermal_state="serious", routing_hint="monitor", runtimes=(running(kv_cache_ratio=0.9),)), 7.0
    )
    assert (told.seen_s, told.expected, told.thermal, told.hint) == (7.0, True, "serious", "monitor")
    assert (told.down, told.kv_cache_ratio) == (False, 0.9)
    assert condition(one(runtimes=(running(status="down"),)), 7.0).down
    (lone,) = servers(
        [], listed(RouterSettings(upstreams=(UpstreamSettings(url="http://a:1"),))), hostname=HOST, now_us=0
    ).usable.values()
    assert condition(lone, NAN) == UNKNOWN_CONDITION


def test_places_are_told_by_the_settings_then_the_state_then_the_registration_then_the_answer() -> None:
    assert slots(one(runtimes=(running(slots=7.0),)), 2) == 7
    assert slots(one(runtimes=(running(slots=NAN),)), 2) == 4
    unknown = runtime("n1", slots=NAN)
    assert slots(one(told=unknown, runtimes=(running(slots=NAN),)), 2) == 2
    assert slots(one(told=unknown, runtimes=(running(slots=0.0),)), None) is None


def test_what_is_loaded_is_told_while_the_runtime_is_up() -> None:
    loaded: dict[str, Any] = {"models": (ModelState("x", "vllm:8000"), ModelState("y", "other:1"))}
    assert set(loaded_models(one(**loaded)) or ()) == {"x"}
    assert loaded_models(one(runtimes=(running(status="error"),), **loaded)) is None
    assert loaded_models(one(runtimes=(), **loaded)) is None


OLLAMA: dict[str, Any] = {"kind": "ollama", "runtime_id": "ollama:11434"}


def test_offers_are_what_the_server_answered_else_what_its_node_registered() -> None:
    server = one(told=runtime("n1", available("a:latest"), available("b:1"), **OLLAMA))
    assert {name for name, _ in offers(server, None)} == {"a:latest", "a", "b:1"}
    answered = Inventory({"c": Model("c", {"size": 9})})
    assert [(name, offer.size_bytes) for name, offer in offers(server, answered)] == [("c", 9.0)]
    assert is_unheard(server, None) is False
    assert is_unheard(one(told=RuntimeInventory(*runtime("n1")[:-1], models=())), None)


def test_loaded_and_contexts_are_told_by_what_is_newest() -> None:
    told = runtime("n1", **OLLAMA)
    server = one(
        told=told,
        runtimes=(running(**OLLAMA),),
        models=(ModelState("llama", "ollama:11434", context_length=8192.0),),
    )
    registered_ = available(loaded=False, context_length=32768.0)
    asked = Model("llama", {}, None, None)
    offer = Offer("n1/ollama:11434", "llama", False, asked, registered_)
    assert is_loaded(server, offer, state_counts=True)
    assert not is_loaded(server, offer, state_counts=False)
    assert not is_loaded(server, offer._replace(asked=None), state_counts=False)
    assert contexts(server, offer, loaded=True) == (8192, 32768)
    assert contexts(server, offer, loaded=False) == (None, 32768)
    assert math.isnan(offer._replace(asked=None, registered=None).size_bytes)


def test_what_others_than_ollama_list_they_serve_and_its_context_is_all_there_is() -> None:
    offer = Offer(
        "n1/vllm:8000", "llama", False, Model("llama", {}, None, 4096), available(context_length=1e6)
    )
    assert is_loaded(one(), offer, state_counts=True)
    assert contexts(one(), offer, loaded=True) == (4096, 4096)
