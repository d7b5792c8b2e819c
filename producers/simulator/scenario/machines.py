"""Nodes, their runtimes and models, as a scenario describes them; ratings of chips are in a table."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model of a runtime. What is None comes from the table of known models, by ``name``.

    ``active_parameters`` are those that one token uses: fewer than ``parameters`` for a mixture of experts.
    ``size_bytes`` of the weights; None: from parameters and quantization.
    """

    name: str
    quantization: str = ""
    context_tokens: int = 8192
    loaded: bool = True
    parameters: float | None = None
    active_parameters: float | None = None
    layers: int | None = None
    kv_heads: int | None = None
    head_dim: int | None = None
    size_bytes: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """A serving runtime. ``gpus``: indices of the accelerators it spans; empty: all of the node.

    ``keep_alive_s`` is Ollama's: a model without requests is unloaded after it (infinite: never).
    ``memory_ratio`` is vLLM's and SGLang's share of the accelerators' memory that they reserve.
    """

    kind: str
    port: int
    slots: int
    models: tuple[Model, ...]
    gpus: tuple[int, ...] = ()
    keep_alive_s: float = 300.0
    memory_ratio: float = 0.9

    @property
    def runtime_id(self) -> str:
        """Kind and port, as an agent names it."""
        return f"{self.kind}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A machine. ``chip``: key of the table of accelerators; empty: none. ``cpu``: key of that of CPUs.

    ``weight``: its share of what the router gives to those who have a model. ``power_limit_w`` per
    accelerator; None: its rating. ``airflow_ratio``: how well it is cooled, 1 is as its maker meant it.
    ``fleet``: empty: that of the scenario.
    """

    name: str
    chip: str
    gpus: int
    cpu: str
    memory_bytes: float
    swap_bytes: float = 0.0
    rack: str = ""
    fleet: str = ""
    agent_version: str = ""
    driver_version: str = ""
    pcie_width: int = 16
    pcie_generation: int | None = None
    power_limit_w: float | None = None
    airflow_ratio: float = 1.0
    weight: float = 1.0
    tags: tuple[tuple[str, str], ...] = ()
    runtimes: tuple[Runtime, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """Temperatures of the air. ``swing_c``: half the difference between afternoon (15:00) and night.

    ``racks``: the air of each rack by itself, where it differs, as pairs of name and temperature.
    """

    ambient_c: float = 24.0
    swing_c: float = 0.0
    racks: tuple[tuple[str, float], ...] = ()

    def base_c(self, rack: str) -> float:
        """Return the mean temperature of the air that a rack's nodes take in."""
        return dict(self.racks).get(rack, self.ambient_c)
