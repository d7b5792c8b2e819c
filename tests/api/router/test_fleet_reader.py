"""Routers that read the nodes from a real Kafka, over stand-ins that answer."""

import socket
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from api.router.fleet_reader import EVENTS
from schemas.codec import Codec
from schemas.events.node_state import ModelState, NodeState
from schemas.events.request_routed import RequestRouted
from schemas.kafka import connection, ensure_topics
from schemas.registry import Registry
from schemas.settings import KafkaSettings, RegistrySettings, Settings
from schemas.topics import NODE_STATES, NODES, REQUESTS
from tests.api.router import behaviours as does
from tests.api.router.crowd import Crowd, Held, waiting
from tests.api.router.fleet import Fleet, Router, until, upstreams_of
from tests.api.router.knowing import available, registered, running, runtime, state, stopped
from tests.api.router.lifecycle.kept import read_facts
from tests.api.router.standin import Loop, Standin, good
from tests.fixtures.ports import free_port

pytestmark = pytest.mark.integration

ASKED = {"model": "m", "messages": [{"role": "user", "content": "hello"}]}
CHAT = "/v1/chat/completions"


class Writer:
    """Writes what agents and the node stage write, in the loop of the stand-ins."""

    def __init__(self, loop: Loop, settings: Settings) -> None:
        self._loop = loop
        self._settings = settings
        self._producer, self._codec = loop.run(self._opened())

    async def _opened(self) -> tuple[AIOKafkaProducer, Codec]:
        await ensure_topics(self._settings.kafka, (NODES, NODE_STATES, REQUESTS))
        registry = Registry(self._settings.registry)
        codec = await registry.codec(EVENTS)
        await registry.close()
        producer = AIOKafkaProducer(**connection(self._settings.kafka))
        await producer.start()
        return producer, codec

    def tell(self, *events: Any) -> None:
        for event in events:
            self.raw(event.node_id, self._codec.encode(event), of_state=isinstance(event, NodeState))

    def raw(self, node_id: str, value: bytes | None, *, of_state: bool = True) -> None:
        topic = (NODE_STATES if of_state else NODES).full_name(self._settings.kafka)
        self._loop.run(self._sent(topic, node_id, value))

    async def _sent(self, topic: str, node_id: str, value: bytes | None) -> None:
        await self._producer.send_and_wait(topic, value, key=node_id.encode())

    def close(self) -> None:
        self._loop.run(self._producer.stop())


@pytest.fixture
def elsewhere(kafka_settings: KafkaSettings, registry_url: str) -> dict[str, Any]:
    return {"kafka": kafka_settings, "registry": RegistrySettings(url=registry_url)}


@contextmanager
def writing(fleet: Fleet, elsewhere: dict[str, Any]) -> Iterator[Writer]:
    writer = Writer(fleet.loop, Settings(**elsewhere))
    fleet.elsewhere = elsewhere
    try:
        yield writer
    finally:
        writer.close()


def node(fleet: Fleet, writer: Writer, name: str) -> Standin:
    """Start a server of models on a node, and let its agent tell of it."""
    standin = fleet.unlisted("vllm")
    writer.tell(agent(name, standin), now(name))
    return standin


def agent(name: str, standin: Standin) -> Any:
    served = runtime(name, available("m"), url=standin.url, runtime_id="vllm:8000", slots=2.0)
    return registered(name, served, hostname=socket.gethostname())


def now(name: str, requests: float = 0.0, **told: Any) -> NodeState:
    return state(name, **{"runtimes": (running(requests, slots=2.0),), "models": (), **told})


def where(router: Router, count: int = 8) -> set[str]:
    """Return which nodes answer requests that are asked one after another."""
    answers = [router.post(CHAT, ASKED) for _ in range(count)]
    assert {answer.status_code for answer in answers} == {200}, answers[0].text
    return {answer.headers["x-penstock-node"] for answer in answers}


def heat(router: Router) -> dict[str, float]:
    """Return how hot the router knows the nodes to be."""
    told = router.http.get("/router/choice", params={"model": "m"}).json()["candidates"]
    return {
        one["node_id"]: signal["value"]
        for one in told
        for signal in one["signals"]
        if signal["name"] == "thermal"
    }


def test_nodes_are_learned_of_and_what_they_tell_changes_the_choice(
    fleet: Fleet, elsewhere: dict[str, Any]
) -> None:
    with writing(fleet, elsewhere) as writer:
        node(fleet, writer, "n1")
        writer.raw("n1", b"no event")  # stops nothing
        router = fleet.router(nodes=True)
        until(lambda: [one["id"] for one in upstreams_of(router)] == ["n1/vllm:8000"])
        assert where(router) == {"n1"}
        node(fleet, writer, "n2")
        until(lambda: where(router) == {"n1", "n2"})
        writer.tell(now("n1", 30.0), now("n2"))
        until(lambda: where(router) == {"n2"})
        writer.tell(now("n1"), now("n2", routing_hint="steer_away", routing_hint_source="thermal_drain"))
        until(lambda: where(router) == {"n1"})
        writer.tell(stopped("n1"))
        until(lambda: where(router) == {"n2"})
        assert [one["id"] for one in upstreams_of(router)] == ["n2/vllm:8000"]
        found = router.metrics()
        assert found['penstock_router_nodes{condition="stopped"}'] == 1
        assert found['penstock_router_node_records_total{outcome="unreadable"}'] == 1


def test_two_routers_know_the_same_nodes_and_one_that_starts_later_knows_them_too(
    fleet: Fleet, elsewhere: dict[str, Any]
) -> None:
    with writing(fleet, elsewhere) as writer:
        first = fleet.router(nodes=True)
        for name in ("n1", "n2"):
            node(fleet, writer, name)
        until(lambda: len(upstreams_of(first)) == 2)
        second = fleet.router(nodes=True)
        until(lambda: upstreams_of(second) == upstreams_of(first))
        writer.tell(now("n1", 30.0), now("n2"))
        until(lambda: where(first, 4) == where(second, 4) == {"n2"})


def test_a_model_asked_for_while_the_nodes_are_still_read_is_waited_for(
    fleet: Fleet, elsewhere: dict[str, Any]
) -> None:
    with writing(fleet, elsewhere) as writer:
        node(fleet, writer, "n1")
        router = fleet.router(nodes=True, hold_s=20)
        assert router.post(CHAT, ASKED).status_code == 200
        assert router.post(CHAT, {**ASKED, "model": "nobody-has-it"}).status_code == 404


def test_a_request_waits_for_a_node_that_stopped_until_it_is_back(
    fleet: Fleet, elsewhere: dict[str, Any], crowd: Crowd
) -> None:
    with writing(fleet, elsewhere) as writer:
        standin = node(fleet, writer, "n1")
        router = fleet.router(nodes=True, hold_s=20)
        until(lambda: len(upstreams_of(router)) == 1)
        writer.tell(stopped("n1"))
        until(lambda: upstreams_of(router) == [])
        asked = crowd.ask(router)
        assert [ticket["cause"] for ticket in waiting(router, 1)] == ["no_upstream"]
        writer.tell(agent("n1", standin), now("n1"))
        assert asked.result(20).headers["x-penstock-node"] == "n1"


def test_a_model_with_much_to_do_is_loaded_ahead_where_there_is_room(
    fleet: Fleet, elsewhere: dict[str, Any], crowd: Crowd, held: Held
) -> None:
    place: dict[str, Any] = {"runtime_id": "ollama:1", "kind": "ollama", "slots": 8.0}
    with writing(fleet, elsewhere) as writer:
        standins = {name: fleet.unlisted("ollama") for name in ("hot", "cold")}
        for name, standin in standins.items():
            standin.loaded = {"m"} if name == "hot" else set()
            standin.models = {"m": held} if name == "hot" else {"m": good}
            told = runtime(name, available("m", loaded=name == "hot"), url=standin.url, **place)
            writer.tell(
                registered(name, told, hostname=socket.gethostname()),
                state(
                    name, runtimes=(running(**place),), gpus=(), memory_available_bytes=32e9,
                    models=(ModelState("m", "ollama:1"),) if name == "hot" else (),
                ),
            )  # fmt: skip
        router = fleet.router(nodes=True, prewarm_depth=2)
        until(lambda: len(upstreams_of(router)) == 2)
        answers = [crowd.ask(router) for _ in range(2)]
        cold = standins["cold"]
        until(lambda: ("/api/generate", {"model": "m", "stream": False}) in cold.asked)
        until(lambda: router.metrics()['penstock_router_loads_ahead_total{result="loaded"}'] == 1)
        held.let_go()
        assert {answer.result(20).status_code for answer in answers} == {200}


def test_the_facts_of_a_request_say_why_it_went_where_it_went(
    fleet: Fleet, elsewhere: dict[str, Any]
) -> None:
    with writing(fleet, elsewhere) as writer:
        for name in ("n1", "n2"):
            node(fleet, writer, name)
        router = fleet.router(nodes=True, facts=True, shadow_policy="default")
        until(lambda: len(upstreams_of(router)) == 2)
        writer.tell(now("n1", 30.0, thermal_state="serious"), now("n2"))
        until(lambda: heat(router) == {"n1": 2.0, "n2": 0.0})
        answer = router.post(CHAT, ASKED)
        id_ = answer.headers["x-penstock-request-id"]
        facts = read_facts(
            elsewhere["kafka"], elsewhere["registry"], lambda facts: "Finished" in facts.names(id_)
        )
    (routed,) = [event for event in facts.of(id_) if isinstance(event, RequestRouted)]
    assert (routed.node_id, routed.policy, routed.shadow_node_id) == ("n2", "default", "n2")
    assert (routed.runtime_id, routed.propensity, len(routed.policy_version)) == ("vllm:8000", 1.0, 12)
    best, other = routed.candidates
    assert (best.node_id, other.node_id) == ("n2", "n1")
    assert best.score > other.score
    assert f"{routed.score:.6g}" == answer.headers["x-penstock-score"]
    thermal = {signal.name: signal for signal in other.signals}["thermal"]
    assert (thermal.value, thermal.score < 0, 0 <= thermal.age_s < 30) == (2.0, True, True)


def test_without_kafka_the_list_is_served(fleet: Fleet) -> None:
    fleet.upstream(name="lone")
    fleet.elsewhere = {"kafka": KafkaSettings(bootstrap_servers=f"127.0.0.1:{free_port()}")}
    router = fleet.router(nodes=True)
    assert where(router, 2) == {"lone"}
    until(lambda: router.post(CHAT, {**ASKED, "model": "nobody-has-it"}).status_code == 404)


def test_a_burst_of_40_through_the_router_is_split_20_20(fleet: Fleet, elsewhere: dict[str, Any]) -> None:
    with writing(fleet, elsewhere) as writer:
        standins = [node(fleet, writer, name) for name in ("n1", "n2")]
        for standin in standins:
            standin.models["m"] = does.late(0.1)
        router = fleet.router(nodes=True)
        until(lambda: len(upstreams_of(router)) == 2)
        with ThreadPoolExecutor(40) as clients:
            answers = list(clients.map(lambda _: router.post(CHAT, ASKED), range(40)))
        assert {answer.status_code for answer in answers} == {200}
        counts = Counter(answer.headers["x-penstock-node"] for answer in answers)
        assert abs(counts["n1"] - 20) <= 2, counts
