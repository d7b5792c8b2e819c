"""The whole file."""

from typing import Annotated, Any

from pydantic import Discriminator, Field

from producers.simulator.scenario.form.arrivals import ArrivalsForm
from producers.simulator.scenario.form.base import Form, Name, Text
from producers.simulator.scenario.form.changes import AnyChangeForm
from producers.simulator.scenario.form.faults import AnyFaultForm
from producers.simulator.scenario.form.fleet import EnvironmentForm, NodeForm
from producers.simulator.scenario.form.labels import AllowForm, ExpectForm
from producers.simulator.scenario.form.units import Duration, Moment

DAY_S = 86_400.0
# 2026-01-12T08:00:00Z, a Monday.
DEFAULT_START = 1_768_204_800_000_000


class ScenarioForm(Form):
    """A fleet, what is asked of it, what happens to it, and what must be noticed."""

    name: Name = Field("", description="name; left out: that of the file")
    about: Text = Field("", description="what it shows, in a sentence")
    seed: int = Field(
        1, ge=0, le=2**63 - 1, description="where its chance begins; the same seed, the same facts"
    )
    starts_at: Moment = Field(
        DEFAULT_START, description="simulated time at the start; left out: 2026-01-12T08:00:00Z"
    )
    duration_s: Annotated[Duration, Field(ge=10, le=31 * DAY_S)] = Field(
        alias="duration", description="simulated time that it takes, 10 s to 31 d"
    )
    fleet: Name = Field("sim", description="fleet of its nodes")
    interval_s: Annotated[Duration, Field(ge=0.1, le=60)] = Field(
        1.0, alias="interval", description="from one sample of a node to the next, 0.1 s to 60 s"
    )
    environment: EnvironmentForm = Field(EnvironmentForm(), description="air")
    nodes: list[NodeForm] = Field(min_length=1, description="its nodes")
    arrivals: list[ArrivalsForm] = Field([], description="what is asked of it")
    changes: list[Annotated[AnyChangeForm, Discriminator("kind")]] = Field([], description="ordinary life")
    faults: list[Annotated[AnyFaultForm, Discriminator("kind")]] = Field([], description="what goes wrong")
    expect: list[ExpectForm] | None = Field(
        None,
        description="what must be noticed; anything else is a false alarm, and [] means that nothing may be",
    )
    allow: list[AllowForm] = Field([], description="what may be noticed besides")


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of a scenario file."""
    return ScenarioForm.model_json_schema(by_alias=True) | {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Penstock scenario",
    }
