"""Texts on their way out: cut, on one line, without secrets. Pure."""

import math
import re
import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
# What turns text around or hides it: it is left out of what people read.
_HIDDEN = re.compile(r"[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
HIDDEN = "***"
# A shorter secret would be found in the middle of ordinary words.
_LEAST_SECRET = 4


def cut(text: str, most: int) -> str:
    """Return a text of at most so many characters; one that is cut ends with three dots."""
    return text if len(text) <= most else text[: max(0, most - 3)] + "..."


def one_line(text: str, most: int) -> str:
    """Return a text without line ends and other controls, at most so long."""
    return cut(_CONTROLS.sub(" ", _HIDDEN.sub("", text)).strip(), most)


def lines(text: str, most: int) -> str:
    """Return a text that may have several lines, without other controls, at most so long."""
    return cut("\n".join(_CONTROLS.sub(" ", _HIDDEN.sub("", line)) for line in text.splitlines()), most)


def redacted(text: str, secrets: Iterable[str]) -> str:
    """Return a text with each secret put out of sight, whatever its case."""
    for secret in sorted(set(secrets), key=len, reverse=True):
        if len(secret) >= _LEAST_SECRET:
            text = re.sub(re.escape(secret), HIDDEN, text, flags=re.IGNORECASE)
    return text


def readable(data: bytes) -> str:
    """Return the text of what a receiver answered, whatever it is."""
    text = data.decode("utf-8", "replace")
    return "".join(char for char in text if unicodedata.category(char) != "Cs")


def moment(at_us: int) -> str:
    """Return µs since the epoch as RFC 3339 in UTC, to the millisecond."""
    try:
        return (
            datetime.fromtimestamp(at_us / 1_000_000, UTC)
            .isoformat("T", "milliseconds")
            .replace("+00:00", "Z")
        )
    except (OverflowError, ValueError, OSError):
        return "1970-01-01T00:00:00.000Z"


def number(value: float) -> float | None:
    """Return a number as JSON has it; None where there is no reading."""
    return value if math.isfinite(value) else None


def duration(seconds: float) -> str:
    """Return a length of time as people say it: ``45 s``, ``3 min``, ``2 h 5 min``."""
    whole = max(0, round(seconds)) if math.isfinite(seconds) else 0
    if whole < 60:
        return f"{whole} s"
    minutes = whole // 60
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"
