"""What a rule is: when somebody is to be told of what, and how. The form that people write and Kafka keeps.

A rule is data. Its message is a text with names in braces from a closed list; nothing in it is run.
"""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import time
from functools import cache
from importlib import resources
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from schemas.errors import ConfigError
from schemas.events.observation import Severity
from schemas.rule_fields import RuleField, Source, fields_of

MOST_CHARACTERS = 32_768
DAY_S = 24 * 3600
Operator = Literal["<", "<=", ">", ">=", "==", "!=", "changed", "below", "above"]
ORDERED: tuple[Operator, ...] = ("<", "<=", ">", ">=", "below", "above")
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
# What a message may name.
PLACEHOLDERS = frozenset(
    (
        *("rule", "rule_id", "fleet", "node", "model", "subject", "severity", "field", "op", "value"),
        *("threshold", "was", "now", "pattern", "alert", "text"),
    )
)
_BRACES = re.compile(r"\{([^{}]*)\}")


def _no_boolean(value: object) -> object:
    """A JSON or TOML true is no number, and neither is a number in quotes."""
    if isinstance(value, bool | str):
        raise ValueError("must be a number")
    return value


Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]
Line = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f\u2028\u2029]*$", max_length=200)]
Glob = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]+$", min_length=1, max_length=200)]
Number = Annotated[float, BeforeValidator(_no_boolean), Field(allow_inf_nan=False)]
Seconds = Annotated[Number, Field(ge=0, le=7 * DAY_S)]
Clock = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]


class Part(BaseModel):
    """A part of a rule; unknown names are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Selection(Part):
    """What a rule is about. What is left out selects everything; lists are alternatives."""

    fleets: tuple[Glob, ...] = Field((), max_length=100, description="names, with * and ?")
    nodes: tuple[Glob, ...] = Field((), max_length=100, description="names, with * and ?")
    models: tuple[Glob, ...] = Field((), max_length=100, description="names, with * and ?; of nodes: loaded")
    tags: Mapping[Line, Glob] = Field(
        default_factory=dict, max_length=20, description="tags of the node that must all match, with * and ?"
    )
    patterns: tuple[Slug, ...] = Field((), max_length=100, description="of observations")
    alerts: tuple[Slug, ...] = Field((), max_length=100, description="of alerts")
    severities: tuple[Severity, ...] = Field((), max_length=3, description="of observations and alerts")


class When(Part):
    """What must hold. ``below`` and ``above`` are crossings: a value that begins there does not fire."""

    field: str = Field(min_length=1, max_length=100, description="see the list of fields")
    op: Operator = Field(description="comparison")
    value: Number | Line | None = Field(None, description="threshold, or a state; not for changed")
    clear_value: Number | None = Field(
        None, description="the condition ends when the value is back here; left out: at value"
    )
    window_s: int = Field(60, ge=10, le=600, multiple_of=10, description="seconds of requests")


class Quiet(Part):
    """Hours in which nothing is opened, by the clock of a place."""

    days: tuple[Day, ...] = Field(DAYS, min_length=1, description="on which the hours begin")
    begin: Clock = Field(alias="from", description="HH:MM")
    end: Clock = Field(alias="to", description="HH:MM; not after from: on the next day")
    zone: str = Field("UTC", max_length=64, description="name of a time zone, such as Europe/Paris")

    @model_validator(mode="after")
    def _known_zone(self) -> Self:
        if self.zone not in zones():
            raise ValueError(f"{self.zone} is no time zone, such as Europe/Paris or UTC")
        return self

    def times(self) -> tuple[time, time]:
        """Return when it begins and ends on a clock."""
        return time.fromisoformat(self.begin), time.fromisoformat(self.end)


class Notify(Part):
    """Whom to tell, how together, and how often."""

    channels: tuple[Slug, ...] = Field((), max_length=20, description="ids of channels")
    group_by: tuple[Literal["fleet", "node", "model", "rule"], ...] = Field(
        ("fleet", "node"), description="conditions that agree in these are told together"
    )
    group_wait_s: Seconds = Field(0, description="wait so long for more before a group is opened")
    cooldown_s: Seconds = Field(60, description="at least so long between two tellings of one group")
    repeat_s: Seconds = Field(0, description="remind so often while it is open; 0: never")
    quiet_hours: tuple[Quiet, ...] = Field((), max_length=20, description="when nothing is opened")
    inhibited_by: tuple[Slug, ...] = Field(
        (), max_length=20, description="rules; while one fires for a node, this one waits there"
    )

    @model_validator(mode="after")
    def _seldom(self) -> Self:
        if 0 < self.repeat_s < 60:
            raise ValueError("repeat_s must be 0 or at least 60")
        return self


class RuleDocument(Part):
    """A rule."""

    id: Slug = Field(description="name of the rule, for programs")
    name: Line = Field("", description="name of the rule, for people; left out: its id")
    enabled: bool = Field(True, strict=True, description="whether it is judged")
    source: Source = Field(description="what it reads")
    select: Selection = Field(default_factory=Selection, description="what it is about")
    when: When | None = Field(None, description="what must hold; observations and alerts: they are open")
    for_s: Annotated[Number, Field(ge=0, le=DAY_S)] = Field(0, description="it must have held so long")
    keep_firing_for_s: Annotated[Number, Field(ge=0, le=DAY_S)] = Field(
        0, description="it ends when it has not held for so long"
    )
    severity: Severity | None = Field(None, description="left out: of the observation or alert, else warning")
    notify: Notify = Field(default_factory=Notify, description="whom to tell")
    message: Annotated[str, StringConstraints(max_length=1000)] = Field(
        "", description="what to say, with {placeholders}; left out: a sentence"
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        for problem in (self._wrong_condition(), self._wrong_selection(), self._wrong_message()):
            if problem:
                raise ValueError(problem)
        return self

    def _wrong_condition(self) -> str:
        fields = fields_of(self.source)
        if self.when is None:
            return f"when: a rule about {self.source} needs it" if fields else ""
        if not fields:
            return f"when: {self.source} are followed from opened to resolved; select them instead"
        field = fields.get(self.when.field)
        if field is None:
            known = ", ".join(sorted(fields))
            return f"when.field: {self.source} have no field {self.when.field}; there are {known}"
        return _wrong_comparison(field, self.when) or self._wrong_times()

    def _wrong_times(self) -> str:
        assert self.when is not None
        if self.when.op == "changed" and self.for_s:
            return "for_s: a change has no duration; leave it out"
        return ""

    def _wrong_selection(self) -> str:
        allowed = {
            "observations": {"patterns", "severities"},
            "alerts": {"alerts", "severities"},
            "node-states": {"models"},
            "requests": {"models"},
        }[self.source] | {"fleets", "nodes", "tags"}
        for name in type(self.select).model_fields:
            if getattr(self.select, name) and name not in allowed:
                return f"select.{name}: {self.source} have none"
        return ""

    def _wrong_message(self) -> str:
        if "{" in (rest := _BRACES.sub("", self.message)) or "}" in rest:
            return "message: a brace has no partner"
        unknown = sorted(set(_BRACES.findall(self.message)) - PLACEHOLDERS)
        if unknown:
            known = ", ".join(sorted(PLACEHOLDERS))
            return f"message: there is no {{{unknown[0]}}}; there are {known}"
        return ""

    def canonical(self) -> str:
        """Return the rule as JSON, the same for the same rule."""
        document = self.model_dump(mode="json", by_alias=True)
        return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def parse_rule(document: object) -> RuleDocument:
    """Return a rule from JSON text, or from what a JSON or TOML file holds.

    Raises:
        ConfigError: it is no rule; the text says what is wrong where.
    """
    if isinstance(document, str):
        if len(document) > MOST_CHARACTERS:
            raise ConfigError(f"the rule has {len(document)} characters, more than {MOST_CHARACTERS}")
        try:
            document = json.loads(document)
        except (ValueError, RecursionError) as exc:
            raise ConfigError(f"the rule is no JSON: {exc}") from exc
    try:
        return RuleDocument.model_validate(document)
    except ValidationError as exc:
        name = document.get("id", "") if isinstance(document, Mapping) else ""
        which = f"the rule {name}" if isinstance(name, str) and name else "the rule"
        raise ConfigError(f"{which}: {_said(exc.errors())}") from exc


@cache
def zones() -> frozenset[str]:
    """Return the names of time zones, of the database that is installed with Penstock."""
    text = resources.files("tzdata").joinpath("zones").read_text("utf-8")
    return frozenset(text.split())


def fill(template: str, values: Mapping[str, str]) -> str:
    """Return a message with its placeholders filled in; a name that has no value is left out."""
    return _BRACES.sub(lambda found: values.get(found[1], ""), template)


def _wrong_comparison(field: RuleField, when: When) -> str:
    if when.op == "changed":
        if field.kind != "text":
            return f"when.op: changed is for states, and {field.name} is a number; use below or above"
        return "when.value: changed has none" if (when.value, when.clear_value) != (None, None) else ""
    if when.value is None:
        return f"when.value: {when.op} needs one"
    if field.kind == "text":
        return _wrong_text(field, when)
    if isinstance(when.value, str):
        return f"when.value: {field.name} is a number, and {when.value!r} is none"
    if when.op not in ORDERED:
        if "." in field.name:
            return f"when.op: {field.name} is the worst of several, which {when.op} does not tell"
        return "when.clear_value: only for comparisons with an order" if when.clear_value is not None else ""
    return _wrong_clear_value(when, when.value)


def _wrong_text(field: RuleField, when: When) -> str:
    if when.op not in ("==", "!="):
        return f"when.op: {field.name} is a state; use ==, != or changed"
    if when.value not in field.symbols:
        return f"when.value: {field.name} is one of {', '.join(field.symbols)}"
    return "when.clear_value: a state has none" if when.clear_value is not None else ""


def _wrong_clear_value(when: When, value: float) -> str:
    if when.clear_value is None:
        return ""
    upward = when.op in (">", ">=", "above")
    wrong = when.clear_value > value if upward else when.clear_value < value
    side = "below" if upward else "above"
    return f"when.clear_value: must be {side} value, or it would end before it begins" if wrong else ""


def _said(errors: Sequence[Any]) -> str:
    """Say the first problem of each place, of the first five places."""
    said: dict[str, str] = {}
    for error in errors:
        # pydantic names the alternatives of a type as if they were places.
        place = ".".join(str(part) for part in error["loc"] if not re.search(r"[(-]", str(part)))
        said.setdefault(place, str(error["msg"]).removeprefix("Value error, "))
    return "; ".join(f"{place}: {text}" if place else text for place, text in list(said.items())[:5])
