"""Ordinary life, as a file describes it."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from producers.simulator.scenario import changes
from producers.simulator.scenario.form.base import Form, Name
from producers.simulator.scenario.form.fleet import ModelForm
from producers.simulator.scenario.form.units import Duration, Forever, Names


class ChangeForm(Form):
    """What all changes have."""

    makes: ClassVar[type[changes.AnyChange]]
    node: Names | None = Field(None, description="nodes, by name or wildcard; or rack")
    rack: Names | None = Field(None, description="all nodes of these racks")
    at_s: Duration = Field(alias="at", description="when, from the start")


class RuntimeChangeForm(ChangeForm):
    """What changes of a runtime have."""

    runtime: str = Field("", description="such as vllm:8000; may be left out where the node has one")


class LoadForm(RuntimeChangeForm):
    """A runtime loads a model, which takes as long as its bytes do."""

    makes = changes.LoadModel
    kind: Literal["load"]
    model: ModelForm = Field(description="the model")


class UnloadForm(RuntimeChangeForm):
    """A runtime drops a model from memory."""

    makes = changes.UnloadModel
    kind: Literal["unload"]
    model: Name = Field(description="name of the model")


class SwapForm(RuntimeChangeForm):
    """A runtime unloads a model and loads another; vLLM and SGLang restart for that."""

    makes = changes.SwapModel
    kind: Literal["swap"]
    old: Name = Field(description="name of the model that goes")
    model: ModelForm = Field(description="the model that comes")


class RestartForm(RuntimeChangeForm):
    """A runtime ends what it has in hand, is away, and loads its models again."""

    makes = changes.RestartRuntime
    kind: Literal["restart"]
    down_s: Annotated[Duration, Field(gt=0)] = Field(5.0, alias="down", description="how long it is away")


class UpgradeForm(ChangeForm):
    """The agent stops in an orderly way and starts with another version."""

    makes = changes.UpgradeAgent
    kind: Literal["upgrade_agent"]
    version: Name = Field(description="the new version")
    down_s: Annotated[Duration, Field(gt=0)] = Field(3.0, alias="down", description="how long it is away")


class ShutdownForm(ChangeForm):
    """The machine shuts down in an orderly way."""

    makes = changes.Shutdown
    kind: Literal["shutdown"]
    down_s: Annotated[Forever, Field(gt=0)] = Field(
        float("inf"), alias="down", description="how long it is away; left out: to the end"
    )


class DrainForm(ChangeForm):
    """The router sends nothing to the nodes."""

    makes = changes.Drain
    kind: Literal["drain"]
    duration_s: Annotated[Forever, Field(gt=0)] = Field(
        float("inf"), alias="for", description="how long; left out: to the end"
    )


AnyChangeForm = LoadForm | UnloadForm | SwapForm | RestartForm | UpgradeForm | ShutdownForm | DrainForm
