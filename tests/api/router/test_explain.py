"""The choice told before anything is sent."""

from tests.api.router.fleet import Fleet


def test_a_choice_is_told_with_all_that_it_was_made_from(fleet: Fleet) -> None:
    for name in ("a", "b"):
        fleet.upstream(name=name)
    router = fleet.router()
    found = router.http.get("/router/choice", params={"model": "m", "goal": "balanced"}).json()
    assert found["node_id"] in {"a", "b"}
    assert found["why"].startswith(found["node_id"])
    assert (found["goal"], found["policy"], found["propensity"], found["shadow"]) == (
        "balanced", "default", 0.5, None,
    )  # fmt: skip
    best = found["candidates"][0]
    assert {one["node_id"] for one in found["candidates"]} == {"a", "b"}
    assert sum(signal["score"] for signal in best["signals"]) == best["score"]
    assert {"wait", "load", "prefill", "decode", "thermal", "hint", "freshness", "context_fit"} <= {
        signal["name"] for signal in best["signals"]
    }
    assert router.outcomes() == {}  # nothing was asked


def test_a_paused_node_and_an_unknown_model_are_told(fleet: Fleet) -> None:
    for name in ("a", "b"):
        fleet.upstream(name=name)
    router = fleet.router()
    router.http.post("/queue/nodes/a/pause")
    found = router.http.get("/router/choice", params={"model": "m"}).json()
    assert found["node_id"] == "b"
    assert [(one["node_id"], bool(one["excluded"])) for one in found["candidates"]] == [
        ("b", False),
        ("a", True),
    ]
    unknown = router.http.get("/router/choice", params={"model": "mm"})
    assert (unknown.status_code, unknown.json()["type"].rsplit(":", 1)[-1]) == (404, "model-not-found")
    assert router.http.get("/router/withdrawn").json() == []
