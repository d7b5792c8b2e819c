"""What of an explanation is drawn: each value that was held against a threshold, over time.

An explanation is the JSON of ``/api/v1/observations/{id}/explain``. Times are µs since the epoch.
"""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

MOST_TRACKS: Final = 4


class Value(NamedTuple):
    """What was measured at a moment, and what it was held against; NaN: no reading, no threshold."""

    at: int
    value: float
    threshold: float


class Track(NamedTuple):
    """One value over time. ``comparison``: what makes it wrong, such as >=; empty: it is not compared."""

    name: str
    subject: str
    unit: str
    comparison: str
    values: tuple[Value, ...]

    @property
    def title(self) -> str:
        """Its name, of what, and its unit."""
        subject = f" of {self.subject}" if self.subject else ""
        return f"{self.name}{subject}" + (f", {self.unit}" if self.unit else "")


class Mark(NamedTuple):
    """A moment worth a line."""

    at: int
    name: str


def tracks(found: Mapping[str, Any]) -> list[Track]:
    """Return the value that the judgement stands on, then the others that were compared."""
    named: dict[str, Mapping[str, Any]] = {}
    if found["deciding"] is not None:
        named[found["deciding"]["name"]] = found["deciding"]
    for one in found["evidence"]:
        if one["comparison"]:
            named.setdefault(one["name"], one)
    drawn = [_track(name, one, found["points"]) for name, one in named.items()]
    return [track for track in drawn if any(value.value == value.value for value in track.values)][
        :MOST_TRACKS
    ]


def marks(found: Mapping[str, Any]) -> list[Mark]:
    """Return its onset, when it opened and when it ended; what is at the same moment is one mark."""
    names: dict[int, list[str]] = {}
    for name, field in (("onset", "onset_at"), ("opened", "opened_at"), ("ended", "ended_at")):
        if found[field]:
            names.setdefault(micros(found[field]), []).append(name)
    return [Mark(at, ", ".join(several)) for at, several in names.items()]


def span(found: Mapping[str, Any]) -> tuple[int, int]:
    """Return the first and the last moment that was judged."""
    return micros(found["points"][0]["at"]), micros(found["points"][-1]["at"])


def micros(rfc3339: str) -> int:
    """Return a time of the API in µs since the epoch."""
    return round(datetime.fromisoformat(rfc3339).timestamp() * 1e6)


def _track(name: str, one: Mapping[str, Any], points: Sequence[Mapping[str, Any]]) -> Track:
    values = tuple(_value(name, one["subject"], point) for point in points)
    return Track(name, one["subject"], one["unit"], one["comparison"], values)


def _value(name: str, subject: str, point: Mapping[str, Any]) -> Value:
    """Return the value of a judgement: of the same subject where it has it, else of the one it names."""
    found = [one for one in point["evidence"] if one["name"] == name]
    best = next((one for one in found if one["subject"] == subject), found[0] if found else None)
    at = micros(point["at"])
    return (
        Value(at, math.nan, math.nan)
        if best is None
        else Value(at, _number(best["value"]), _number(best["threshold"]))
    )


def _number(value: float | None) -> float:
    return math.nan if value is None else value
