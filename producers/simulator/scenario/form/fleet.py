"""Nodes, runtimes, models and the air around them, as a file describes them."""

from typing import Annotated, Literal

from pydantic import Field

from producers.simulator.scenario.form.base import Celsius, Form, Name
from producers.simulator.scenario.form.units import Count, Forever, Indices, Size, Watts

RuntimeKind = Literal["ollama", "vllm", "llamacpp", "sglang", "lmstudio"]


class ModelForm(Form):
    """A model of a runtime; what is left out comes from the table of known models."""

    name: Name = Field(description="name, as the runtime tells it; a known one needs nothing else")
    quantization: str = Field(
        "", description="such as fp16, fp8, q4_k_m; left out: as the model is published"
    )
    context_tokens: int = Field(
        8192, alias="context", ge=128, le=10_000_000, description="context length, tokens"
    )
    loaded: bool = Field(True, description="whether it is in memory at the start")
    parameters: Annotated[Count, Field(ge=1e6, le=1e13)] | None = Field(None, description="parameters")
    active_parameters: Annotated[Count, Field(ge=1e6, le=1e13)] | None = Field(
        None, description="those that one token uses; fewer for a mixture of experts"
    )
    layers: int | None = Field(None, ge=1, le=1000, description="layers")
    kv_heads: int | None = Field(None, ge=1, le=1000, description="heads of keys and values")
    head_dim: int | None = Field(None, ge=8, le=1024, description="width of a head")
    size_bytes: Annotated[Size, Field(ge=1e6, le=1e13)] | None = Field(
        None, alias="size", description="size of the weights; left out: from parameters and quantization"
    )


class RuntimeForm(Form):
    """A serving runtime of a node; it reports what a real one reports."""

    kind: RuntimeKind = Field(description="what serves")
    port: int = Field(ge=1, le=65535, description="port, unique on the node")
    slots: int = Field(64, ge=1, le=4096, description="requests that run at once at most")
    models: list[ModelForm] = Field(min_length=1, description="its models")
    gpus: Indices = Field([], description="accelerators it spans; left out: all of the node")
    keep_alive_s: Annotated[Forever, Field(gt=0)] = Field(
        300.0, alias="keep_alive", description="Ollama: a model unused for so long is unloaded"
    )
    memory_ratio: float = Field(
        0.9, alias="memory", ge=0.05, le=1, description="vLLM, SGLang: share of the GPUs' memory it reserves"
    )


class NodeForm(Form):
    """A machine, or several alike: ``gpu-[1-4]`` and ``gpu-[01,05-08]`` stand for each of these names."""

    name: str = Field(min_length=1, max_length=200, description="name, or several with [1-4] or [a,b]")
    chip: str = Field("", description="accelerator, a key of the table of chips; left out: none, CPU alone")
    gpus: int | None = Field(None, ge=0, le=16, description="number of accelerators; left out: 1 with a chip")
    cpu: str = Field("", description="CPU, a key of the table of CPUs; an Apple chip has its own")
    memory_bytes: Annotated[Size, Field(ge=1e9, le=32e12)] = Field(alias="memory", description="memory")
    swap_bytes: Annotated[Size, Field(ge=0, le=32e12)] = Field(0.0, alias="swap", description="swap space")
    rack: str = Field("", description="rack that it stands in")
    fleet: str = Field("", description="its fleet; left out: that of the scenario")
    agent_version: Name = Field("1.0.0", description="version of its agent")
    driver_version: str = Field("", description="version of the GPU driver; left out: the same for all")
    pcie_width: Literal[1, 2, 4, 8, 16] = Field(16, description="lanes of each accelerator")
    pcie_generation: int | None = Field(None, ge=1, le=6, description="PCIe generation; left out: the chip's")
    power_limit_w: Watts | None = Field(
        None, alias="power_limit", description="power limit of each accelerator; left out: the chip's rating"
    )
    airflow_ratio: float = Field(
        1.0, alias="airflow", gt=0, le=3, description="how well it is cooled; 1: as its maker meant it"
    )
    weight: float = Field(1.0, ge=0, le=1000, description="its share of what the router gives out")
    tags: dict[str, str] = Field({}, description="tags of its registration")
    runtimes: list[RuntimeForm] = Field([], description="its runtimes")


class RackForm(Form):
    """A rack whose air is not that of the room."""

    ambient_c: Celsius = Field(description="°C at the inlets of its nodes")


class EnvironmentForm(Form):
    """The air that the nodes take in."""

    ambient_c: Celsius = Field(24.0, description="°C at the inlets")
    swing_c: float = Field(
        0.0, ge=0, le=20, description="kelvin that it is warmer at 15:00 UTC, colder at 03:00"
    )
    racks: dict[Name, RackForm] = Field({}, description="racks with other air, by name")
