"""Models loaded ahead: by an operator's word, and by themselves where there is room for certain."""

import asyncio
import math
from collections.abc import Iterator
from typing import Any

import pytest

from api.router import warm
from api.router.queue.core import Queue
from api.router.queue.limits import KeyLimits, QueueLimits
from api.router.queue.ticket import Ticket
from api.router.upstream.client import Client
from api.router.warm import Warmer, busy
from schemas.events.node_state import ModelState
from schemas.events.reading import NAN
from tests.api.router import behaviours as does
from tests.api.router.crowd import Crowd, Held, waiting
from tests.api.router.fleet import Fleet, Router, until
from tests.api.router.knowing import HOST, MODEL, Known, available, registered, running, runtime, state
from tests.api.router.standin import Behaviour, Standin, good

GB = 1e9


def running_at(router: Router) -> list[str]:
    return [model["name"] for model in router.http.get("/api/ps").json()["models"]]


def warmed(router: Router, model: str = "m", **where: str) -> Any:
    return router.http.post("/router/warm", params={"model": model, **where})


def test_an_operator_has_a_model_loaded(fleet: Fleet) -> None:
    first, second = (fleet.upstream("ollama", {"m:latest": good}, name=name) for name in ("a", "b"))
    first.loaded, second.loaded = set(), set()
    router = fleet.router(ask_interval_s=60)
    assert running_at(router) == []
    told = warmed(router, node="b").json()
    assert (told["node_id"], told["loaded"]) == ("b", True)
    assert running_at(router) == ["m:latest"]
    assert second.asked == [("/api/generate", {"model": "m:latest", "stream": False})]
    again = warmed(router, node="b").json()
    assert (again["took_s"], len(second.asked)) == (0.0, 1)
    assert warmed(router).json()["node_id"] == "a"  # where it is not in memory yet
    assert router.metrics()['penstock_router_loads_ahead_total{result="loaded"}'] == 2
    router.ended()


def test_a_model_that_only_embeds_is_loaded_too(fleet: Fleet) -> None:
    standin = fleet.upstream("ollama", {"m": does.in_turn(does.status(400, b"{}"), good)})
    standin.loaded = set()
    assert warmed(fleet.router()).status_code == 200
    assert [path for path, _ in standin.asked] == ["/api/generate", "/api/embed"]


def test_what_cannot_be_loaded_is_said(fleet: Fleet) -> None:
    standin = fleet.upstream("ollama", {"m": does.status(500, b"{}")}, name="a")
    standin.loaded = set()
    fleet.upstream("vllm", {"other": good}, name="b")
    router = fleet.router()
    assert warmed(router, "nobody").status_code == 404
    assert warmed(router, node="b").status_code == 404
    assert warmed(router, "other").json()["loaded"]
    failed = warmed(router)
    assert (failed.status_code, "500" in failed.text) == (502, True)
    assert router.metrics()['penstock_router_loads_ahead_total{result="failed"}'] == 1
    standin.loaded = set()
    until(lambda: not running_at(router).count("m"))
    router.http.post("/queue/nodes/a/pause")
    assert warmed(router).status_code == 409


def asked(**models: int) -> Queue:
    """A queue with so many requests for each model, of which one is in flight."""
    made = Queue(QueueLimits())
    for model, count in models.items():
        made.serve("u", model, 1, 0.0)
        for number in range(count):
            made.enter(Ticket(f"{model}{number}", model, "k", 0, 10, 10, 60.0), 0.0, KeyLimits())
    return made


def test_models_with_much_to_do_are_told_by_their_requests() -> None:
    assert busy(asked(a=3, b=5, c=1), 3) == ["b", "a"]
    assert busy(asked(a=1), 2) == []


class Load:
    """A warmer over Ollamas whose nodes tests tell of."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self.known = Known()
        self.standins: dict[str, Standin] = {}
        self.closed: frozenset[str] = frozenset()
        self.warmer = fleet.loop.run(self._made())

    async def _made(self) -> Warmer:
        async def loaded() -> None:
            return None

        self.client = Client(connect_timeout_s=1)
        return Warmer(
            self.client, self.known.chooser.memory, closed=lambda: self.closed,
            loading=self.known.chooser.loading, loaded=loaded, timeout_s=10,
        )  # fmt: skip

    def node(
        self, name: str, *, loaded: bool = False, free: float = 16 * GB, size: float = 4 * GB,
        model: str = MODEL, does: Behaviour = good,
    ) -> None:  # fmt: skip
        """Tell of a node; where it runs, anything that is asked of it is answered."""
        standin = self.standins[name] = self._fleet.unlisted("ollama")
        standin.models = {model: does}
        told = available(model, loaded=loaded, size_bytes=size)
        place: dict[str, Any] = {"runtime_id": "ollama:1", "kind": "ollama"}
        self.known.tell(
            registered(name, runtime(name, told, url=standin.url, **place), hostname=HOST),
            state(
                name,
                runtimes=(running(**place),),
                models=(ModelState(model, "ollama:1"),) if loaded else (),
                memory_available_bytes=free,
                memory_total_bytes=64 * GB,
                gpus=(),
            ),
        )

    def wanted_at(self, requests: int, depth: int = 3) -> str | None:
        """Return where the model would be loaded ahead with so many requests for it."""
        found = self.warmer.place_for(MODEL, asked(**{MODEL: requests}), depth)
        return found.upstream.node_id if found else None

    def close(self) -> None:
        self._fleet.loop.run(self.warmer.close())
        self._fleet.loop.run(self.client.close())


@pytest.fixture
def load(fleet: Fleet) -> Iterator[Load]:
    made = Load(fleet)
    yield made
    made.close()


def test_it_is_loaded_where_there_is_most_room_once_it_has_much_to_do(load: Load) -> None:
    load.node("hot", loaded=True)
    load.node("small", free=6 * GB)
    load.node("large", free=32 * GB)
    assert load.wanted_at(2) is None
    assert load.wanted_at(3) == "large"
    load.closed = frozenset({"large/ollama:1"})
    assert load.wanted_at(3) == "small"


def test_the_more_places_have_it_in_memory_the_more_it_takes(load: Load) -> None:
    load.node("hot", loaded=True)
    load.node("too", loaded=True)
    load.node("cold")
    assert load.wanted_at(5) is None
    assert load.wanted_at(6) == "cold"


@pytest.mark.parametrize(("free", "size"), [(4.1 * GB, 4 * GB), (NAN, 4 * GB), (16 * GB, NAN)])
def test_without_room_for_certain_nothing_is_loaded(load: Load, free: float, size: float) -> None:
    load.node("hot", loaded=True)
    load.node("cold", free=free, size=size)
    assert load.wanted_at(100) is None


def test_it_is_done_and_not_done_again_soon(
    fleet: Fleet, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warm, "LOOK_S", 0.01)
    load.node("hot", loaded=True)
    load.node("cold")
    task = asyncio.run_coroutine_threadsafe(load.warmer.run(asked(**{MODEL: 9}), 3), fleet.loop.loop)
    until(lambda: load.warmer.done == 1)
    cold = load.standins["cold"]
    assert cold.asked == [("/api/generate", {"model": MODEL, "stream": False})]
    assert load.wanted_at(9) is None
    task.cancel()


def test_only_so_many_are_loaded_at_once(
    fleet: Fleet, load: Load, held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warm, "LOOK_S", 0.01)
    names = [f"model{number}" for number in range(warm.AT_ONCE + 1)]
    for name in names:
        load.node(f"at-{name}", model=name, does=held)
    looks: list[object] = []

    def counted(queue: Queue, depth: int) -> list[str]:
        looks.append(depth)
        return busy(queue, depth)

    monkeypatch.setattr(warm, "busy", counted)
    task = asyncio.run_coroutine_threadsafe(
        load.warmer.run(asked(**dict.fromkeys(names, 9)), 3), fleet.loop.loop
    )

    def under_way() -> int:
        return sum(len(standin.asked) for standin in load.standins.values())

    until(lambda: under_way() == warm.AT_ONCE)
    seen = len(looks)
    until(lambda: len(looks) > seen + 20)
    assert under_way() == warm.AT_ONCE
    held.let_go()
    until(lambda: load.warmer.done == len(names))
    task.cancel()


def test_requests_know_that_it_is_being_loaded(fleet: Fleet, load: Load) -> None:
    gate = Held()
    load.node("cold")
    load.standins["cold"].models = {MODEL: gate}
    (cold,) = load.warmer.candidates(MODEL)
    task = asyncio.run_coroutine_threadsafe(load.warmer.warm(cold), fleet.loop.loop)
    until(lambda: bool(load.standins["cold"].asked))
    (at,) = load.known.chooser.memory.places(MODEL)
    assert at.place.loading_s >= 0
    gate.let_go()
    assert task.result(10) >= 0
    (at,) = load.known.chooser.memory.places(MODEL)
    assert math.isnan(at.place.loading_s)


def test_the_router_does_it_by_itself_only_where_that_is_set(fleet: Fleet, crowd: Crowd, held: Held) -> None:
    """Without nodes nobody knows of memory, so it does nothing; and nothing of it runs unless it is asked."""
    cold = fleet.upstream("ollama", {"m": held}, name="a", slots=1)
    cold.loaded = set()
    fleet.upstream("ollama", {"m": held}, name="b", slots=1)
    router = fleet.router(prewarm_depth=1)
    answers = [crowd.ask(router) for _ in range(4)]
    waiting(router, 2)
    assert "/api/generate" not in [path for path, _ in cold.asked]
    held.let_go()
    assert [answer.result(10).status_code for answer in answers] == [200] * 4
