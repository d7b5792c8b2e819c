"""Lengths of time as people write and read them."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from schemas.errors import ConfigError

_UNITS_S: Mapping[str, int] = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_LENGTH = re.compile(r"(\d{1,9})([smhdw])")


def seconds(text: str) -> int:
    """Return the seconds of ``90s``, ``15m``, ``2h``, ``7d`` or ``1w``.

    Raises:
        ConfigError: it is none of these.
    """
    found = _LENGTH.fullmatch(text.strip())
    if found is None:
        raise ConfigError(f"{text!r} is no length of time: use 90s, 15m, 2h, 7d or 1w")
    return int(found[1]) * _UNITS_S[found[2]]


def short(seconds_: float) -> str:
    """Return a length of time in its largest unit: ``12s``, ``5m``, ``3h``, ``2d``."""
    length = max(0.0, seconds_)
    for unit, least in (("d", 2 * 86400), ("h", 2 * 3600), ("m", 120)):
        if length >= least:
            return f"{length / _UNITS_S[unit]:.0f}{unit}"
    return f"{length:.0f}s"


def since(rfc3339: str | None, now: datetime) -> str:
    """Return how long ago a time of the API was; empty where there is none."""
    if not rfc3339:
        return ""
    return short((now - datetime.fromisoformat(rfc3339)).total_seconds())


def now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)
