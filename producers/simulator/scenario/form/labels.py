"""What must be noticed, and what may be, as a file says it."""

from typing import Literal

from pydantic import Field

from producers.simulator.scenario.form.base import Form, Name
from producers.simulator.scenario.form.units import Names, Resolution, Span


class LabelForm(Form):
    """What a label is about: a pattern of a node, or an alert."""

    pattern: Name | None = Field(None, description="id of a pattern; or alert")
    alert: Name | None = Field(None, description="id of an alert")


class ExpectForm(LabelForm):
    """This must open and resolve, once on each of its nodes."""

    node: Names | None = Field(
        None,
        description="nodes, by name or wildcard, each for itself; left out only for an alert of the fleet",
    )
    members: Names | None = Field(None, description="nodes that an alert is about together")
    opens: Span = Field(description="when it opens, from the start")
    resolves: Resolution = Field(description="when it resolves; never: it is open at the end")
    severity: Literal["info", "warning", "critical"] | None = Field(
        None, description="the highest that it reaches; left out: any"
    )


class AllowForm(LabelForm):
    """This may open as a consequence, and need not."""

    node: Names | None = Field(None, description="nodes, by name or wildcard; left out: any")
    between: Span = Field((0.0, float("inf")), description="when it may open; left out: always")
