"""Ordinary life on the timeline: what operators do, which nothing may take for a fault."""

import math
from dataclasses import dataclass

from producers.simulator.scenario.machines import Model


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What all changes have. ``at_s`` counts from the start of the scenario."""

    nodes: tuple[str, ...]
    at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadModel(Change):
    """A runtime loads a model, which takes as long as its bytes do."""

    runtime_id: str
    model: Model


@dataclass(frozen=True, slots=True, kw_only=True)
class UnloadModel(Change):
    """A runtime drops a model from memory."""

    runtime_id: str
    model: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SwapModel(Change):
    """A runtime unloads ``old`` and loads ``model``; vLLM and the like restart for that."""

    runtime_id: str
    old: str
    model: Model


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartRuntime(Change):
    """A runtime ends what it has in hand, is away for ``down_s``, and loads its models again."""

    runtime_id: str
    down_s: float = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class UpgradeAgent(Change):
    """The agent stops in an orderly way and starts with another version ``down_s`` later."""

    version: str
    down_s: float = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Shutdown(Change):
    """The machine shuts down in an orderly way; up again ``down_s`` later, or never."""

    down_s: float = math.inf


@dataclass(frozen=True, slots=True, kw_only=True)
class Drain(Change):
    """The router sends nothing to these nodes for ``duration_s``."""

    duration_s: float = math.inf


AnyChange = LoadModel | UnloadModel | SwapModel | RestartRuntime | UpgradeAgent | Shutdown | Drain
