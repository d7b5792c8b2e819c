"""What a file of labels for a backtest may say; the vocabulary of scenarios, with absolute times."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from schemas.events.observation import Severity

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_AFTER = re.compile(r"(?:\d+(?:\.\d+)?[smhd])+")
_PART = re.compile(r"(\d+(?:\.\d+)?)([smhd])")


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"{value!r} is no time: write 2026-11-20T03:08Z, or 10m after the beginning")
    return value


def span(value: object) -> tuple[str, str]:
    """Return the two ends of ``FROM..TO``; either may be left out.

    Raises:
        ValueError: it is no window.
    """
    begin, dots, end = value.partition("..") if isinstance(value, str) else ("", "", "")
    if not dots:
        raise ValueError(f"{value!r} is no window: write two times, such as 10m..15m")
    return begin, end


def _names(value: object) -> Sequence[str]:
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list) or not names or not all(isinstance(one, str) and one for one in names):
        raise ValueError(f"{value!r} is no name of a node, and no list of them")
    return names


Moment = Annotated[str, BeforeValidator(_text)]
Span = Annotated[tuple[str, str], BeforeValidator(span), WithJsonSchema({"type": "string"})]
_SOME = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
Names = Annotated[Sequence[str], BeforeValidator(_names), WithJsonSchema(_SOME)]


class About(BaseModel):
    """What a label is about: a pattern of a node, or an alert."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    pattern: str | None = Field(None, description="id of a pattern; or alert")
    alert: str | None = Field(None, description="id of an alert")


class Expect(About):
    """This must open, once on each of its nodes."""

    node: Names | None = Field(None, description="nodes, each for itself; none: an alert of the fleet")
    members: Names | None = Field(None, description="nodes that an alert is about together")
    opens: Span = Field(description="when it must open: FROM..TO")
    resolves: str | None = Field(
        None, description="when it must resolve: FROM..TO, or never; left out: it does not matter"
    )
    severity: Severity | None = Field(None, description="the highest that it reaches; left out: any")
    noticed: Moment | None = Field(
        None, description="when people noticed it, or it did harm; left out: the end of opens"
    )


class Allow(About):
    """This may open, and need not."""

    node: Names | None = Field(None, description="nodes, by name or wildcard; left out: any")
    between: Span | None = Field(None, description="when it may open: FROM..TO; left out: always")


class LabelsForm(BaseModel):
    """What must be noticed in a range, and what may be besides; all else is a false alarm."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    expect: Sequence[Expect] = ()
    allow: Sequence[Allow] = ()


def moment(text: str, since: int) -> float:
    """Return a moment as seconds from ``since``, µs since the epoch: RFC 3339, or a time after it.

    Raises:
        ValueError: it is neither, or has no offset.
    """
    if text == "0" or _AFTER.fullmatch(text):
        return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise ValueError(f"{text!r} is no time: write 2026-11-20T03:08Z, or 10m after the beginning")
    return (round(found.astimezone(UTC).timestamp() * 1e6) - since) / 1e6
