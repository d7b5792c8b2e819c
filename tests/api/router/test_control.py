"""What operators ask and tell the queue of a running router."""

from pathlib import Path

import httpx
import pytest

from api.allowance import Allowance
from api.auth import KeyRing
from api.router.app import create_app
from api.router.parts import open_parts
from schemas.settings import RouterSettings, Settings
from tests.api.router.crowd import CHAT, Crowd, Held, status, waiting
from tests.api.router.fleet import Fleet, until


def test_health_says_whether_requests_can_be_served(fleet: Fleet) -> None:
    assert fleet.router().http.get("/queue/health").json()["status"] == "no_upstream"
    fleet.upstream(name="one")
    found = fleet.router().http.get("/queue/health").json()
    assert (found["status"], found["models"], found["waiting"]) == ("ok", ["m"], 0)


def test_status_shows_models_keys_and_who_waits(fleet: Fleet, crowd: Crowd, held: Held) -> None:
    fleet.upstream(models={"m": held}, name="one", slots=1)
    router = fleet.router()
    crowd.ask(router, key="first")
    until(lambda: status(router)["in_flight"] == 1)
    crowd.ask(router, key="second", x_penstock_priority="-3")
    (ticket,) = waiting(router, 1)
    assert (ticket["model"], ticket["priority"], ticket["cause"]) == ("m", -3, "model_cap")
    found = status(router)
    (model,) = found["models"]
    assert (model["slots"], model["in_flight"], model["waiting"], model["wait_p50_s"]) == (1, 1, 1, None)
    assert model["upstreams"] == [{"upstream": "one", "slots": 1, "in_flight": 1, "paused": False}]
    assert sorted(key["in_flight"] for key in found["keys"]) == [0, 1]
    assert router.http.get("/queue/status", params={"tickets": 0}).json()["tickets"] == []
    assert router.http.get("/queue/status", params={"tickets": -1}).status_code == 422
    held.let_go()
    until(lambda: status(router)["ended"]["finished"] == 2)


def test_places_are_those_that_a_runtime_tells_of(fleet: Fleet) -> None:
    fleet.upstream("llamacpp", name="tells")
    fleet.upstream("llamacpp", name="told", slots=5)
    (model,) = status(fleet.router())["models"]
    assert {place["upstream"]: place["slots"] for place in model["upstreams"]} == {"tells": 2, "told": 5}
    assert model["slots"] == 7


def test_one_that_waits_is_cancelled_and_told(fleet: Fleet, crowd: Crowd, held: Held) -> None:
    fleet.upstream(models={"m": held}, slots=1)
    router = fleet.router()
    crowd.ask(router)
    until(lambda: status(router)["in_flight"] == 1)
    second = crowd.ask(router)
    (ticket,) = waiting(router, 1)
    answer = router.http.post(f"/queue/cancel/{ticket['id']}")
    assert (answer.status_code, answer.json()["cancelled"]) == (200, ticket["id"])
    assert second.result(10).status_code == 503
    assert "operator" in second.result().json()["error"]["message"]
    again = router.http.post(f"/queue/cancel/{ticket['id']}")
    assert (again.status_code, again.headers["content-type"]) == (404, "application/problem+json")
    held.let_go()
    router.ended(completed=1, cancelled_queued=1)


def test_all_that_wait_for_a_model_or_of_a_key_are_cancelled(fleet: Fleet, crowd: Crowd, held: Held) -> None:
    fleet.upstream(models={"a": held, "b": held}, slots=1)
    router = fleet.router()
    crowd.ask(router, "a")
    crowd.ask(router, "b")
    until(lambda: status(router)["in_flight"] == 2)
    for model, key in (("a", "one"), ("a", "two"), ("b", "one"), ("b", "two"), ("b", "two")):
        crowd.ask(router, model, key)
    tickets = waiting(router, 5)
    two = next(
        ticket["key"] for ticket in tickets if sum(ticket["key"] == one["key"] for one in tickets) == 3
    )
    assert (
        router.http.post("/queue/cancel-all", params={"model": "b:latest", "key": two}).json()["count"] == 2
    )
    assert router.http.post("/queue/cancel-all", params={"model": "a"}).json()["count"] == 2
    assert router.http.post("/queue/cancel-all").json()["count"] == 1
    assert router.http.post("/queue/cancel-all").json() == {"cancelled": [], "count": 0}
    held.let_go()
    router.ended(completed=2, cancelled_queued=5)


def test_a_paused_node_gets_nothing_until_it_is_resumed(fleet: Fleet, crowd: Crowd) -> None:
    one, two = fleet.upstream(name="one"), fleet.upstream(name="two")
    router = fleet.router(hold_s=20)
    assert router.http.post("/queue/nodes/one/pause").json()["paused"]
    for _ in range(6):
        assert router.post(CHAT, {"model": "m", "messages": []}).headers["x-penstock-node"] == "two"
    assert (len(one.asked), len(two.asked)) == (0, 6)
    router.http.post("/queue/nodes/two/pause")
    assert router.http.get("/queue/health").json()["paused_nodes"] == ["one", "two"]
    held_back = crowd.ask(router)
    assert [ticket["cause"] for ticket in waiting(router, 1)] == ["no_upstream"]
    router.http.post("/queue/nodes/one/resume")
    assert held_back.result(10).headers["x-penstock-node"] == "one"


def test_a_drain_answers_when_the_node_is_empty(fleet: Fleet, crowd: Crowd, held: Held) -> None:
    fleet.upstream(models={"m": held}, name="one", slots=4)
    router = fleet.router()
    asked = crowd.ask(router)
    until(lambda: router.http.get("/queue/nodes").json()[0]["in_flight"] == 1)
    at_once = router.http.post("/queue/nodes/one/drain").json()
    assert at_once == {"node_id": "one", "paused": True, "in_flight": 1, "drained": False}
    drain = crowd._pool.submit(router.http.post, "/queue/nodes/one/drain", params={"wait_s": 20})
    assert not drain.done()
    held.let_go()
    assert asked.result(10).status_code == 200
    assert drain.result(10).json() == {"node_id": "one", "paused": True, "in_flight": 0, "drained": True}


def test_an_unknown_node_is_told_with_those_that_are_known(fleet: Fleet) -> None:
    fleet.upstream(name="gpu-01")
    router = fleet.router()
    answer = router.http.post("/queue/nodes/gpu-1/pause")
    assert (answer.status_code, "gpu-01" in answer.json()["hint"]) == (404, True)


def test_a_key_has_its_own_limits_and_use(fleet: Fleet, crowd: Crowd, held: Held, tmp_path: Path) -> None:
    ring = KeyRing(tmp_path)
    app = ring.create("app", allowance=Allowance(priority_ceiling=7, max_in_flight=1, tokens=1e6))
    fleet.upstream(models={"m": held}, slots=4)
    router = fleet.router(priority_ceiling=1)
    crowd.ask(router, key=app, x_penstock_priority="9")
    until(lambda: status(router)["in_flight"] == 1)
    crowd.ask(router, key=app, x_penstock_priority="9")
    (ticket,) = waiting(router, 1)
    assert (ticket["priority"], ticket["cause"], ticket["key"]) == (7, "key_in_flight", ring.keys()[0].id)
    (shown,) = router.http.get("/queue/keys").json()
    assert (shown["name"], shown["max_in_flight"], shown["budget_tokens"]) == ("app", 1, 1e6)
    held.let_go()
    until(lambda: status(router)["ended"]["finished"] == 2)
    (shown,) = router.http.get("/queue/keys").json()
    # The stand-in reports 11 tokens of prompt and 4 of answer.
    assert (shown["tokens"], shown["tokens_left"] < 1e6) == (30, True)
    ring.allow("app", {"models": ("other",)})
    assert crowd.ask(router, key=app).result(10).status_code == 403


def test_callers_without_a_key_of_ours_have_what_the_settings_say(
    fleet: Fleet, crowd: Crowd, held: Held
) -> None:
    fleet.upstream(models={"m": held}, slots=4)
    router = fleet.router(priority_ceiling=3, max_in_flight=2)
    for _ in range(3):
        crowd.ask(router, x_penstock_priority="5")
    (ticket,) = waiting(router, 1)
    assert (ticket["priority"], ticket["cause"], ticket["subject"]) == (3, "key_in_flight", "none")


def test_pools_of_the_settings_hold(fleet: Fleet, crowd: Crowd, held: Held) -> None:
    fleet.upstream(models={"a": held, "b": held}, slots=4)
    pool = {"name": "gpu", "models": ["a:latest", "b"], "exclusive": True}
    router = fleet.router(pools=(pool,))
    crowd.ask(router, "a")
    until(lambda: status(router)["in_flight"] == 1)
    crowd.ask(router, "b")
    (ticket,) = waiting(router, 1)
    assert (ticket["cause"], ticket["subject"]) == ("exclusive", "a")
    (shown,) = status(router)["pools"]
    assert (shown["pool"], shown["resident"], shown["budget"], shown["in_flight"]) == ("gpu", "a", None, 1)


@pytest.mark.asyncio
async def test_whoever_may_only_read_cannot_act(tmp_path: Path) -> None:
    ring = KeyRing(tmp_path)
    reader, operator = ring.create("reader"), ring.create("ops", ["operate"])
    settings = Settings(data_dir=tmp_path, router=RouterSettings(host="0.0.0.0"))
    async with open_parts(settings) as parts:
        transport = httpx.ASGITransport(create_app(settings, parts))
        async with httpx.AsyncClient(transport=transport, base_url="http://router") as client:

            async def post(key: str) -> int:
                told = {"authorization": f"Bearer {key}"}
                return (await client.post("/queue/cancel-all", headers=told)).status_code

            assert [await post(""), await post(reader), await post(operator)] == [401, 403, 200]
            assert (await client.get("/queue/status")).status_code == 401
            assert (await client.get("/queue/status", headers={"x-api-key": reader})).status_code == 200


def test_pages_of_other_sites_cannot_act(fleet: Fleet) -> None:
    fleet.upstream(name="one")
    router = fleet.router()
    other = router.http.post("/queue/cancel-all", headers={"origin": "https://example.org"})
    assert (other.status_code, other.json()["type"]) == (403, "urn:penstock:problem:other-origin")
    assert router.http.post("/queue/cancel-all", headers={"origin": router.url}).status_code == 200
    assert router.http.post("/queue/nodes/one/pause", headers={"origin": "null"}).status_code == 403
