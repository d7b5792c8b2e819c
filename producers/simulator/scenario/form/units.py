"""Quantities as people write them, to SI units: ``90s``, ``1.5TB``, ``2/s``, ``350W``, ``5MB/s``."""

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

_DURATIONS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_SIZES = {
    "B": 1.0, "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12,
    "KiB": 2.0**10, "MiB": 2.0**20, "GiB": 2.0**30, "TiB": 2.0**40,
}  # fmt: skip
_COUNTS = {"k": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}
_POWERS = {"W": 1.0, "kW": 1000.0}
_NUMBER = r"(\d+(?:\.\d+)?|\.\d+)"


def _quantity(value: object, units: Mapping[str, float], what: str, example: str) -> float:
    found = re.fullmatch(rf"{_NUMBER} ?([A-Za-z]+)", value) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"{_shown(value)} is no {what}: write a number and a unit, such as {example}")
    number, unit = found.groups()
    if unit not in units:
        raise ValueError(f"{_shown(value)} has an unknown unit; a {what} has one of {', '.join(units)}")
    return float(number) * units[unit]


def seconds(value: object) -> float:
    """Return a duration in seconds; ``6h02m`` is one too.

    Raises:
        ValueError: it is none; the text says how to write one.
    """
    if value == 0 and not isinstance(value, bool):
        return 0.0
    parts = re.findall(rf"{_NUMBER} ?([A-Za-z]+)", value) if isinstance(value, str) else []
    if len(parts) > 1 and "".join(number + unit for number, unit in parts) == value:
        return sum(_quantity(number + unit, _DURATIONS, "duration", "6h02m") for number, unit in parts)
    return _quantity(value, _DURATIONS, "duration", "90s, 5m or 1.5h")


def signed_seconds(value: object) -> float:
    """Return a duration that may be negative."""
    if isinstance(value, str) and value[:1] in "+-":
        return seconds(value[1:]) * (-1 if value[0] == "-" else 1)
    return seconds(value)


def forever_seconds(value: object) -> float:
    """Return a duration, or infinity for ``forever``."""
    return math.inf if value == "forever" else seconds(value)


def size_bytes(value: object) -> float:
    """Return a size in bytes."""
    return 0.0 if value == 0 and not isinstance(value, bool) else _quantity(
        value, _SIZES, "size", "80GB or 1.5TB"
    )  # fmt: skip


def count(value: object) -> float:
    """Return a large number, such as ``8B`` parameters."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    return _quantity(value, _COUNTS, "number", "8B or 350M")


def watts(value: object) -> float:
    """Return a power in watts."""
    return _quantity(value, _POWERS, "power", "350W")


def per_second(value: object) -> float:
    """Return a rate of events, such as ``2/s`` or ``30/m``, per second."""
    found = re.fullmatch(rf"{_NUMBER} ?/ ?(ms|s|m|h|d)", value) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"{_shown(value)} is no rate: write a number per time, such as 2/s, 30/m or 100/h")
    return float(found[1]) / _DURATIONS[found[2]]


def bytes_per_second(value: object) -> float:
    """Return a rate of bytes, such as ``5MB/s`` or ``2GB/m``, per second."""
    amount, slash, time = value.partition("/") if isinstance(value, str) else ("", "", "")
    if not slash or time.strip() not in _DURATIONS:
        raise ValueError(f"{_shown(value)} is no rate of bytes: write one such as 5MB/s or 2GB/m")
    return size_bytes(amount.strip()) / _DURATIONS[time.strip()]


def second_of_day(value: object) -> float:
    """Return a time of day, such as ``14:00``, as seconds after midnight UTC."""
    found = re.fullmatch(r"([01]?\d|2[0-3]):([0-5]\d)", value) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"{_shown(value)} is no time of day: write one from 00:00 to 23:59, such as 14:00")
    return int(found[1]) * 3600.0 + int(found[2]) * 60.0


def moment(value: object) -> int:
    """Return a date and time as µs since the epoch."""
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        found = None
    if found is None or found.tzinfo is None or not 2000 <= found.year < 2100:
        raise ValueError(
            f"{_shown(value)} is no moment from 2000 to 2099 with a time zone, such as 2026-01-12T08:00:00Z"
        )
    return round(found.astimezone(UTC).timestamp()) * 1_000_000


def window(value: object) -> tuple[float, float]:
    """Return ``22m..27m`` as two moments in seconds; ``..`` alone reaches from the start to infinity."""
    begin, dots, end = value.partition("..") if isinstance(value, str) else ("", "", "")
    if not dots:
        raise ValueError(f"{_shown(value)} is no window: write two moments, such as 22m..27m")
    limits = (seconds(begin) if begin else 0.0, seconds(end) if end else math.inf)
    if limits[0] > limits[1]:
        raise ValueError(f"{_shown(value)} ends before it begins")
    return limits


def resolution(value: object) -> tuple[float, float] | None:
    """Return a window, or None for ``never``."""
    return None if value == "never" else window(value)


def names(value: object) -> list[str]:
    """Return a name, or a list of names, as a list."""
    found = [value] if isinstance(value, str) else value
    if not isinstance(found, list) or not found or not all(isinstance(one, str) and one for one in found):
        raise ValueError(f"{_shown(value)} is neither a name nor a list of names")
    return found


def indices(value: object) -> list[int]:
    """Return a number, or a list of numbers, as a list without repetitions."""
    found = value if isinstance(value, list) else [value]
    if not found or not all(type(one) is int and 0 <= one < 64 for one in found):
        raise ValueError(
            f"{_shown(value)} is neither the number of an accelerator, from 0, nor a list of them"
        )
    return sorted(set(found))


def _shown(value: object) -> str:
    text = f"{value!r}" if isinstance(value, str) else f"{value}"
    return text if len(text) <= 60 else text[:57] + "..."


def _text(read: Callable[[object], object], title: str, *examples: str) -> tuple[Any, Any]:
    schema = {"type": "string", "title": title, "examples": list(examples)}
    return BeforeValidator(read), WithJsonSchema(schema)


def _list_of(read: Callable[[object], object], title: str, kind: str) -> tuple[Any, Any]:
    schema = {"title": title, "anyOf": [{"type": kind}, {"type": "array", "items": {"type": kind}}]}
    return BeforeValidator(read), WithJsonSchema(schema)


Duration = Annotated[float, *_text(seconds, "duration", "90s", "5m", "1.5h")]
SignedDuration = Annotated[float, *_text(signed_seconds, "duration, may be negative", "45s", "-2m")]
Forever = Annotated[float, *_text(forever_seconds, "duration, or forever", "5m", "forever")]
Size = Annotated[float, *_text(size_bytes, "size", "80GB", "1.5TB", "512MiB")]
Count = Annotated[float, *_text(count, "number", "8B", "350M")]
Watts = Annotated[float, *_text(watts, "power", "350W", "1.2kW")]
Rate = Annotated[float, *_text(per_second, "rate", "2/s", "30/m")]
ByteRate = Annotated[float, *_text(bytes_per_second, "rate of bytes", "5MB/s", "2GB/m")]
TimeOfDay = Annotated[float, *_text(second_of_day, "time of day, UTC", "14:00")]
Moment = Annotated[int, *_text(moment, "date and time", "2026-01-12T08:00:00Z")]
Span = Annotated[tuple[float, float], *_text(window, "window", "22m..27m", "5m..")]
Resolution = Annotated[
    tuple[float, float] | None, *_text(resolution, "window, or never", "46m..58m", "never")
]
Names = Annotated[list[str], *_list_of(names, "name with wildcards, or a list", "string")]
Indices = Annotated[list[int], *_list_of(indices, "number, or a list", "integer")]
