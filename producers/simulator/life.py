"""Ordinary life: what operators do to a node, and how it goes about."""

from collections.abc import Callable
from typing import Protocol, assert_never

from producers.simulator.faults.effect import Site
from producers.simulator.scenario.changes import (
    AnyChange,
    Drain,
    LoadModel,
    RestartRuntime,
    Shutdown,
    SwapModel,
    UnloadModel,
    UpgradeAgent,
)


class Home(Site, Protocol):
    """A node that operators work on."""

    def stop_agent(self, now_s: float) -> None:
        """End the agent in an orderly way."""
        ...

    def plan(self, at_s: float, what: Callable[[float], None]) -> None:
        """Let something happen at a time."""
        ...


def apply(change: AnyChange, home: Home, now_s: float) -> None:
    """Let a change happen."""
    match change:
        case UpgradeAgent():
            home.stop_agent(now_s)
            home.plan(now_s + change.down_s, lambda later_s: home.start_agent(later_s, change.version))
        case Shutdown():
            home.stop_agent(now_s)
            home.power_off(now_s)
            home.plan(now_s + change.down_s, home.boot)
        case RestartRuntime():
            server = home.machine.server(change.runtime_id)
            server.stop(now_s)
            home.plan(now_s + change.down_s, server.start)
        case SwapModel():
            server = home.machine.server(change.runtime_id)
            server.drop(change.old, now_s)
            server.bring(change.model, now_s)
        case LoadModel():
            home.machine.server(change.runtime_id).bring(change.model, now_s)
        case UnloadModel():
            home.machine.server(change.runtime_id).drop(change.model, now_s)
        case Drain():
            pass  # the router's doing: availability.py
        case _:
            assert_never(change)
