"""What is asked of the fleet, as a file describes it."""

from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from producers.simulator.scenario.form.base import Form, Name, Ratio
from producers.simulator.scenario.form.units import Duration, Forever, Names, Rate, Span, TimeOfDay

Tokens = Annotated[int, Field(ge=1, le=2_000_000)]
MAX_RATE_PER_S = 5000.0


class OneOf(Form):
    """A mapping with exactly one of its fields."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1, "maxProperties": 1})

    @model_validator(mode="after")
    def _one(self) -> Self:
        if len(self.model_fields_set) != 1:
            raise ValueError(f"must have exactly one of {', '.join(type(self).model_fields)}")
        return self


class LognormalForm(Form):
    """Many short ones and a few very long ones."""

    median: float = Field(ge=1, le=2_000_000, description="tokens that half of them have at most")
    sigma: float = Field(ge=0, le=3, description="spread of the logarithm")
    high: Tokens = Field(alias="max", description="tokens at most")


class LengthsForm(OneOf):
    """How many tokens a prompt or an answer has: exactly one of these."""

    constant: Tokens | None = Field(None, description="always so many")
    uniform: list[Tokens] | None = Field(None, min_length=2, max_length=2, description="[low, high]")
    lognormal: LognormalForm | None = Field(None, description="log-normal distribution")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.uniform and self.uniform[0] > self.uniform[1]:
            raise ValueError("uniform: the first number must not be above the second")
        return self


PositiveRate = Annotated[Rate, Field(gt=0, le=MAX_RATE_PER_S)]


class DiurnalForm(Form):
    """A rate that follows the time of day."""

    low_per_s: Annotated[Rate, Field(ge=0, le=MAX_RATE_PER_S)] = Field(alias="low", description="lowest rate")
    high_per_s: PositiveRate = Field(alias="high", description="highest rate")
    peak_s: TimeOfDay = Field(alias="peak", description="when it is highest")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low_per_s > self.high_per_s:
            raise ValueError("low must not be above high")
        return self


class BurstsForm(Form):
    """Many at once, again and again."""

    every_s: Annotated[Duration, Field(gt=0)] = Field(alias="every", description="from one burst to the next")
    size: int = Field(ge=1, le=100_000, description="requests of a burst")
    within_s: Annotated[Duration, Field(ge=0)] = Field(
        alias="within", description="they come within this time"
    )

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.within_s > self.every_s:
            raise ValueError("within must not be longer than every")
        return self


class ClosedForm(Form):
    """Clients that wait for their answer before they ask again; each stays with one node."""

    clients: int = Field(ge=1, le=10_000, description="clients")
    think_s: Annotated[Duration, Field(ge=0)] = Field(
        alias="think", description="mean pause between answer and question"
    )


class ProcessForm(OneOf):
    """When requests come: exactly one of these."""

    poisson: PositiveRate | None = Field(None, description="independent of each other, so many a second")
    diurnal: DiurnalForm | None = Field(None, description="Poisson, with a rate that follows the time of day")
    bursts: BurstsForm | None = Field(None, description="bursts")
    closed: ClosedForm | None = Field(None, description="closed loop of clients")


class ArrivalsForm(Form):
    """A stream of requests for one model."""

    name: Name = Field(description="name of the stream, unique")
    model: Name = Field(description="model that is asked for")
    to: Names = Field(["*"], description="nodes by name or wildcard; those without the model are left out")
    between: Span = Field((0.0, float("inf")), description="when; left out: always")
    process: ProcessForm = Field(description="when requests come")
    prompt_tokens: LengthsForm = Field(description="length of prompts")
    output_tokens: LengthsForm = Field(description="length of answers")
    patience_s: Annotated[Forever, Field(gt=0)] = Field(
        float("inf"), alias="patience", description="a client leaves after so long without a token"
    )
    key: str = Field("", description="API key's name")
    through: Literal["router", "direct"] = Field(
        "router", description="router: there are facts of each request; direct: the runtime alone knows"
    )
    cached_ratio: Ratio = Field(
        0.0, alias="cached", description="share of each prompt that is a cached prefix"
    )
    attempts: int = Field(
        1, ge=1, le=10, description="nodes that the router asks at most, where one turns out to be dead"
    )
    queue_patience_s: Annotated[Forever, Field(gt=0)] = Field(
        float("inf"),
        alias="queue_patience",
        description="the router gives up what no node can be given so long",
    )
