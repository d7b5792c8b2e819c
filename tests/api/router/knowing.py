"""Nodes as their agents and the node stage tell of them, and a chooser over them, without Kafka."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from api.query.fleet import FleetView
from api.router.ask import Ask, Dialect, Task
from api.router.fleet_chooser import FleetChooser
from api.router.scoring.decision import Decision
from api.router.seams import Choice, Usage
from api.router.upstream.inventory import Inventory, Model
from schemas.events.node_registered import AvailableModel, NodeRegistered, RuntimeInventory
from schemas.events.node_state import ModelState, NodeState, RuntimeState
from schemas.events.node_stopped import NodeStopped
from schemas.settings import RouterSettings
from tests.api import states

HOST = "here"
MODEL = "llama"


def us(ago_s: float = 0.0) -> int:
    return int((time.time() - ago_s) * 1e6)


def available(name: str = MODEL, **told: Any) -> AvailableModel:
    return AvailableModel(name, "", "llama", "Q4_K_M", **{"loaded": True, "size_bytes": 4e9, **told})


def runtime(node_id: str = "n1", *models: AvailableModel, **told: Any) -> RuntimeInventory:
    usual: dict[str, Any] = dict.fromkeys(("version", "discovered_by", "container", "command_line"), "")
    usual |= {
        "runtime_id": "vllm:8000",
        "kind": "vllm",
        "url": f"http://{node_id}:8000",
        "pid": 1,
        "slots": 4.0,
    }
    return RuntimeInventory(models=models or (available(),), **{**usual, **told})


def registered(node_id: str = "n1", *runtimes: RuntimeInventory, **told: Any) -> NodeRegistered:
    usual = {"fleet": "default", "occurred_at": us(60), "interval_s": 1.0, "hostname": node_id}
    return states.registered(node_id, **{**usual, "runtimes": runtimes or (runtime(node_id),), **told})


def running(requests: float = 0.0, **told: Any) -> RuntimeState:
    usual = {"runtime_id": "vllm:8000", "kind": "vllm", "status": "up", "slots": 4.0}
    return RuntimeState(requests_running=requests, **{**usual, **told})


def state(node_id: str = "n1", **told: Any) -> NodeState:
    now_us = us()
    usual: dict[str, Any] = {
        "fleet": "default",
        "occurred_at": now_us,
        "arrived_at": now_us,
        "runtimes": (running(),),
        "models": (ModelState(MODEL, "vllm:8000"),),
    }
    return states.state(node_id, **{**usual, **told})


def stopped(node_id: str = "n1") -> NodeStopped:
    return NodeStopped(node_id, "default", "b", us(), 9, "SIGTERM")


def ask(request_id: str = "r", **told: Any) -> Ask:
    usual: dict[str, Any] = {"prompt_tokens": 100, "received_s": time.monotonic()}
    return Ask(request_id, Dialect.OPENAI, Task.CHAT, "/v1/chat/completions", MODEL, **{**usual, **told})


class Answers:
    """What upstreams answered, in memory."""

    def __init__(self) -> None:
        self._inventories: dict[str, Inventory] = {}
        self._errors: dict[str, str] = {}
        self._listeners: list[Callable[[], None]] = []

    def listen(self, changed: Callable[[], None]) -> None:
        self._listeners.append(changed)

    def inventory(self, upstream: str) -> Inventory | None:
        return self._inventories.get(upstream)

    def errors(self) -> Mapping[str, str]:
        return self._errors

    def say(self, upstream: str, *models: Model, slots: int | None = None) -> None:
        self._errors.pop(upstream, None)
        self._inventories[upstream] = Inventory({model.name: model for model in models}, slots=slots)
        self._tell()

    def fail(self, upstream: str) -> None:
        self._errors[upstream] = "it does not answer"
        self._tell()

    def _tell(self) -> None:
        for changed in self._listeners:
            changed()


class Known:
    """A chooser, and what it is told."""

    def __init__(self, **settings: Any) -> None:
        self.view = FleetView()
        self.answers = Answers()
        self.chooser = FleetChooser(RouterSettings(**settings), self.answers, self.view, hostname=HOST)

    def tell(self, *events: Any, ago_s: float = 0.0) -> None:
        """Take events in as the reader does; the broker took them so long ago."""
        for event in events:
            self.view.apply(event, us(ago_s))
            if isinstance(event, NodeState):
                self.chooser.state(event, us(ago_s))
            else:
                self.chooser.refresh()
        self.chooser.refresh()  # what boards would take in by and by

    def choose(self, request_id: str = "r", excluded: frozenset[str] = frozenset(), **told: Any) -> Choice:
        found = self.chooser.choose(ask(request_id, **told), MODEL, excluded)
        assert isinstance(found, Choice), found
        return found

    def node(self, request_id: str = "r", **told: Any) -> str:
        return self.choose(request_id, **told).upstream.node_id

    def nodes(self, count: int = 12, **told: Any) -> set[str]:
        """Return where requests of several ids go, none of them being sent."""
        return {self.node(str(number), **told) for number in range(count)}

    def send(self, request_id: str, **told: Any) -> Choice:
        """Choose, and begin."""
        asked = ask(request_id, **told)
        found = self.chooser.choose(asked, MODEL, frozenset())
        assert isinstance(found, Choice), found
        self.chooser.began(asked, found)
        return found

    def end(self, request_id: str, choice: Choice, *, ok: bool = True, tokens: int | None = 10) -> None:
        self.chooser.ended(ask(request_id), choice, ok=ok, usage=Usage(completion_tokens=tokens))


def decision(choice: Choice) -> Decision:
    assert isinstance(choice.decision, Decision)
    return choice.decision
