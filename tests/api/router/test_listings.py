"""What models there are, over several upstreams; pulled ones among them."""

import threading
from concurrent.futures import ThreadPoolExecutor

import httpx

from tests.api.router.fleet import Fleet, until
from tests.api.router.standin import good

ASKED = {"model": "new", "messages": [{"role": "user", "content": "hello"}], "stream": False}


def test_each_model_is_listed_once(fleet: Fleet) -> None:
    fleet.upstream("ollama", {"a:latest": good, "b:8b": good}, name="one")
    fleet.upstream("ollama", {"a:latest": good}, name="two")
    fleet.upstream("vllm", {"c": good, "a": good}, name="three")
    router = fleet.router()
    for path, field in (("/api/tags", "name"), ("/api/ps", "name")):
        assert [model[field] for model in router.http.get(path).json()["models"]] == ["a:latest", "b:8b", "c"]
    listed = router.http.get("/v1/models").json()["data"]
    assert [model["id"] for model in listed] == ["a:latest", "b:8b", "c"]
    assert router.http.get("/v1/models/a").json()["id"] == "a"
    assert router.http.get("/api/version").json() == {"version": "0.12.3"}
    nodes: set[str] = set()

    def asked() -> bool:
        answer = router.post("/v1/chat/completions", {**ASKED, "model": "a"})
        nodes.add(answer.headers["x-penstock-node"])
        return nodes == {"one", "two", "three"}

    until(asked, lambda: f"only {nodes}")


def test_an_upstream_that_goes_and_comes_keeps_its_place(fleet: Fleet) -> None:
    standin = fleet.upstream("ollama", {"a": good})
    router = fleet.router()
    standin.stop()
    until(lambda: router.http.get("/router/upstreams").json()[0]["error"] is not None)
    assert [model["name"] for model in router.http.get("/api/tags").json()["models"]] == ["a"]
    standin.models["b"] = good
    standin.start()
    until(lambda: len(router.http.get("/api/tags").json()["models"]) == 2)


def test_a_model_that_nobody_has_is_pulled_once(fleet: Fleet) -> None:
    standin = fleet.upstream("ollama")
    standin.pullable.add("new")
    router = fleet.router(auto_pull=True, ask_interval_s=60)
    with ThreadPoolExecutor(3) as pool:
        waiting = [pool.submit(router.post, "/api/chat", ASKED) for _ in range(3)]
        until(lambda: router.metrics()["penstock_router_requests_open"] == 3)
        until(lambda: bool(router.http.get("/router/pulls").json()))
        until(lambda: router.http.get("/router/pulls").json()[0]["completed"] == 4)
        fleet.loop.loop.call_soon_threadsafe(standin.pulling.set)
        assert [answer.result().status_code for answer in waiting] == [200] * 3
    assert [path for path, _ in standin.asked].count("/api/pull") == 1
    assert router.http.get("/router/pulls").json() == []


def test_a_model_that_cannot_be_pulled_is_unknown(fleet: Fleet) -> None:
    fleet.upstream("ollama")
    router = fleet.router(auto_pull=True)
    answer = router.post("/api/chat", ASKED)
    assert answer.status_code == 404
    assert "file does not exist" in answer.json()["error"]
    router.ended(rejected_unadmittable=1)


def test_who_waits_for_a_pull_may_leave(fleet: Fleet) -> None:
    standin = fleet.upstream("ollama")
    standin.pullable.add("new")
    router = fleet.router(auto_pull=True)
    leaving = threading.Thread(target=_ask_briefly, args=(router.url,))
    leaving.start()
    router.ended(abandoned_queued=1)
    leaving.join()
    assert len(router.http.get("/router/pulls").json()) == 1  # the pull goes on


def _ask_briefly(url: str) -> None:
    try:
        httpx.post(f"{url}/api/chat", json=ASKED, timeout=0.3, trust_env=False)
    except httpx.TimeoutException:
        return


def test_what_the_router_says_of_itself(fleet: Fleet) -> None:
    fleet.upstream("vllm", slots=4, key="secret-key", name="one")
    router = fleet.router()
    (upstream,) = router.http.get("/router/upstreams").json()
    assert (upstream["id"], upstream["slots"], upstream["models"], upstream["breaker"]) == (
        "one",
        4,
        ["m"],
        "closed",
    )
    assert "secret-key" not in router.http.get("/router/upstreams").text
    paths = router.http.get("/openapi.json").json()["paths"]
    assert {
        "/v1/chat/completions",
        "/api/chat",
        "/v1/models/{id}",
        "/healthz",
        "/router/upstreams",
    } <= paths.keys()


def test_the_key_of_an_upstream_goes_to_it_and_no_other(fleet: Fleet) -> None:
    with_key = fleet.upstream("vllm", {"a": good}, key="secret-key", name="one")
    without = fleet.upstream("vllm", {"b": good}, name="two")
    router = fleet.router()
    for model in "ab":
        router.post("/v1/chat/completions", {**ASKED, "model": model}, authorization="Bearer of-the-client")
    assert with_key.headers[-1]["Authorization"] == "Bearer secret-key"
    assert "Authorization" not in without.headers[-1]


def test_an_upstream_that_tells_less_is_known_by_what_it_tells(fleet: Fleet) -> None:
    for kind, hidden in (("llamacpp", ["/props"]), ("ollama", ["/api/ps", "/api/version"])):
        standin = fleet.upstream(kind, {kind: good}, name=kind)
        standin.hidden.update(hidden)
    router = fleet.router()
    assert {upstream["error"] for upstream in router.http.get("/router/upstreams").json()} == {None}
    assert [model["id"] for model in router.http.get("/v1/models").json()["data"]] == ["llamacpp", "ollama"]


def test_an_address_may_end_as_clients_of_openai_write_it(fleet: Fleet) -> None:
    standin = fleet.upstream("vllm", {"a": good}, name="plain")
    fleet.named_upstream(standin.url.replace("//", "//user:secret@") + "/v1/", "vllm")
    router = fleet.router()
    assert router.post("/v1/chat/completions", {**ASKED, "model": "a"}).status_code == 200
    assert "secret" not in router.http.get("/router/upstreams").text
