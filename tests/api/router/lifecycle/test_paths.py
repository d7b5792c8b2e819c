"""Facts through the real router, an upstream that misbehaves and a real Kafka: one end on every path."""

import json
from typing import Any

import pytest

from api.router.exchange import Exchange
from schemas.events.request_admitted import RequestAdmitted
from schemas.events.request_received import RequestReceived
from schemas.events.request_routed import RequestRouted
from schemas.settings import KafkaSettings, RegistrySettings
from tests.api.router import behaviours as does
from tests.api.router.fleet import Fleet, Router, until
from tests.api.router.lifecycle.kept import Facts, read_facts
from tests.api.router.standin import good
from tests.api.router.test_clients import call

pytestmark = pytest.mark.integration

CHAT = "/v1/chat/completions"
SECRET = "Zaphod-prompt"
SAID = "Marvin-answer"
HELLO = [{"role": "user", "content": SECRET}]
OPEN = "penstock_router_requests_open"


@pytest.fixture
def told(fleet: Fleet, kafka_settings: KafkaSettings, registry_url: str) -> Fleet:
    """A fleet whose routers tell facts."""
    fleet.elsewhere = {"kafka": kafka_settings, "registry": RegistrySettings(url=registry_url)}
    return fleet


def asks(model: str = "m", **more: Any) -> dict[str, Any]:
    return {"model": model, "messages": HELLO, **more}


def facts_of(fleet: Fleet, finished: int) -> Facts:
    return read_facts(
        fleet.elsewhere["kafka"], fleet.elsewhere["registry"], lambda facts: len(facts.finished) >= finished
    )


def test_every_path_has_one_end_and_no_prompt(told: Fleet) -> None:
    echoes = b'{"error": {"message": "cannot read %s %s"}}' % (SECRET.encode(), SAID.encode())
    models = {
        "m": good, "hangs": does.hang, "dies": does.dies, "errs": does.status(500, echoes),
        "refuses": does.status(400, echoes),
        "tells": does.after(b"data: " + echoes + b"\n\n", lambda _: None),
        "later": does.in_turn(does.status(503, echoes), good),
    }  # fmt: skip
    standin = told.upstream("vllm", models, slots=1, name="one")
    told.upstream("vllm", models | {"later": good}, slots=1, name="two")
    router = told.router(facts=True, body_bytes=4000, breaker_failures=1000)
    found: dict[str, str] = {}

    def ended(outcome: str, answer: Any) -> str:
        request_id: str = answer.headers["x-penstock-request-id"]
        found[request_id] = outcome
        return request_id

    tags = {"x_penstock_tags": "team=search", "x_penstock_workload": "nightly", "x_penstock_session": "alice"}
    streamed = ended("completed", router.post(CHAT, asks(stream=True, metadata={"tags": ["x=1"]}), **tags))
    whole = ended("completed", router.post("/api/chat", asks(stream=False)))
    ended("upstream_error", router.post(CHAT, asks("errs")))
    ended("upstream_error", router.post(CHAT, asks("refuses")))
    ended("upstream_died", router.post(CHAT, asks("dies", stream=True)))
    ended("upstream_died", router.post(CHAT, asks("tells", stream=True)))
    ended("rejected_unadmittable", router.post(CHAT, asks("nobody-has-this")))
    ended("rejected_invalid", router.post(CHAT, b'{"messages": "' + SECRET.encode()))
    ended("rejected_invalid", router.post(CHAT, {"model": "m", "messages": SECRET}))
    ended("rejected_oversized", router.post(CHAT, asks(pad="x" * 9000)))
    fallback = ended("completed", router.post(CHAT, asks("later", models=["m"])))
    router.post(CHAT, asks("later"))
    streaming = [call(router, json.dumps(asks("hangs", stream=True)).encode()) for _ in range(2)]
    until(lambda: sum(body["model"] == "hangs" for _, body in standin.asked) >= 1)
    queued = call(router, json.dumps(asks("hangs")).encode())
    until(lambda: router.metrics()[OPEN] == 3)
    ended("timed_out_queued", router.post(CHAT, asks("hangs"), x_penstock_patience="0.1"))
    queued.close()
    until(lambda: router.metrics()[OPEN] == 2)
    streaming[0].close()
    until(lambda: router.metrics()[OPEN] == 1)
    router.stop()
    streaming[1].close()
    facts = facts_of(told, len(found) + 4)
    for request_id, outcome in found.items():
        assert facts.end(request_id).outcome == outcome, facts.of(request_id)
    counted = facts.outcomes()
    assert [counted[name] for name in ("abandoned_queued", "client_abandoned", "router_stopped")] == [1, 1, 1]
    assert not facts.open
    written = repr(facts.all)
    assert streamed in written
    assert SECRET not in written
    assert SAID not in written
    _check_complete(facts, streamed, whole)
    assert facts.end(fallback).attempts >= 1


def _check_complete(facts: Facts, streamed: str, whole: str) -> None:
    assert facts.names(streamed) == ["Received", "Admitted", "Routed", "FirstToken", "Finished"]
    assert facts.names(whole) == ["Received", "Admitted", "Routed", "Finished"]
    received, admitted, routed, *_ = facts.of(streamed)
    assert isinstance(received, RequestReceived)
    assert (received.workload, received.tags, received.key) == ("nightly", {"team": "search", "x": "1"}, "")
    assert len(received.session) == 16
    assert isinstance(admitted, RequestAdmitted)
    assert (admitted.wait_reason, admitted.queue_wait_s, admitted.queue_depth) == ("", 0.0, 0.0)
    assert isinstance(routed, RequestRouted)
    assert routed.node_id in ("one", "two")
    assert routed.runtime_id.startswith("vllm:")
    end = facts.end(streamed)
    assert (end.finish_reason, end.http_status, end.attempts) == ("stop", 200, 1)
    assert (end.prompt_tokens, end.completion_tokens, end.cached_tokens, end.reasoning_tokens) == (
        11,
        4,
        8,
        1,
    )
    assert 0 < end.ttft_s <= end.total_s
    assert 0 < end.upstream_s <= end.total_s
    assert end.inter_token_s >= 0


def test_an_error_of_the_router_itself_is_an_end(told: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    told.upstream("vllm")
    router = told.router(facts=True)

    def breaks(*_: object) -> None:
        raise RuntimeError("a bug")

    with monkeypatch.context() as bug:
        bug.setattr(Exchange, "_served", breaks)
        assert router.post(CHAT, asks()).status_code == 500
    with monkeypatch.context() as bug:
        bug.setattr("api.router.request.read", breaks)
        assert router.post(CHAT, asks()).status_code == 500
    facts = facts_of(told, 2)
    assert not facts.open
    assert facts.outcomes() == {"upstream_error": 1, "rejected_invalid": 1}
    assert router.metrics()["penstock_router_requests_unbalanced"] == 0


def test_metrics_say_what_became_of_facts(told: Fleet) -> None:
    told.upstream("vllm")
    router = told.router(facts=True)
    for _ in range(5):
        assert router.post(CHAT, asks(stream=True)).status_code == 200
    facts_of(told, 5)

    def delivered() -> bool:
        found = router.metrics()
        waiting = sum(value for name, value in found.items() if "facts_waiting" in name)
        return found['penstock_router_facts_total{outcome="delivered"}'] == 25 and not waiting

    until(delivered)
    found = router.metrics()
    assert found["penstock_router_requests_unrecorded_total"] == 0
    assert found["penstock_router_facts_open"] == found[OPEN] == 0
    assert found["penstock_router_facts_connected"] == found["penstock_router_journal_ok"] == 1


def test_two_routers_in_one_folder_keep_apart(told: Fleet) -> None:
    told.upstream("vllm")
    one, two = told.router(facts=True), told.router(facts=True)
    for router in (one, two, one):
        assert router.post(CHAT, asks()).status_code == 200
    facts = facts_of(told, 3)
    assert len({event.router_id for event in facts.received}) == 2
    one.stop()
    again = restarted(told, one)
    assert again.post(CHAT, asks()).status_code == 200
    facts = facts_of(told, 4)
    assert len({event.router_id for event in facts.received}) == 2


def restarted(fleet: Fleet, router: Router) -> Router:
    """Start a router where another one was."""
    return fleet.router(facts=True, port=int(router.url.rpartition(":")[2]))
