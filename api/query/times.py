"""Times and resolutions as people write them. All times are µs since the epoch."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime

_RELATIVE = re.compile(r"-(\d{1,9})(s|m|h|d|w)")
_EPOCH = re.compile(r"\d{1,11}(\.\d{1,6})?")
_UNIT_S: Mapping[str, int] = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_YEAR_2200 = 7_258_118_400 * 1_000_000

RESOLUTIONS: Mapping[str, int] = {
    "10s": 10, "1m": 60, "5m": 300, "15m": 900, "1h": 3600, "6h": 21_600, "1d": 86_400,
}  # fmt: skip
"""Names and seconds, ascending. The least is the length of a pane."""

POINTS = 500
"""About as many points as a chart has pixels for; ``auto`` gives no more, unless a day is too short."""

MOST_POINTS = 20_000


def parse_time(text: str, now: int) -> int:
    """Return the time that ``text`` means.

    Args:
        text: ``now``, a time ago such as ``-90s`` ``-15m`` ``-1h`` ``-7d`` ``-2w``, seconds since the epoch,
            or RFC 3339 (without an offset: UTC).
        now: what ``now`` means.

    Raises:
        ValueError: it is none of these, or not between 1970 and 2200.
    """
    micros = _parse(text.strip(), now)
    if micros is None or not 0 <= micros < _YEAR_2200:
        raise ValueError(
            f"{text!r} is not a time: use now, -15m, -1h, -7d, seconds since 1970, or 2026-01-31T12:00:00Z"
        )
    return micros


def _parse(text: str, now: int) -> int | None:
    if text == "now":
        return now
    if ago := _RELATIVE.fullmatch(text):
        return now - int(ago.group(1)) * _UNIT_S[ago.group(2)] * 1_000_000
    if _EPOCH.fullmatch(text):
        return round(float(text) * 1e6)
    # A plus sign in an address is a space.
    try:
        at = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
        return round(at.timestamp() * 1e6)
    except (ValueError, OverflowError):
        return None


def choose_resolution(asked: str, first: int, last: int) -> int:
    """Return seconds between points, for a range in µs.

    Raises:
        ValueError: the name is unknown, or it would give more than ``MOST_POINTS``.
    """
    span_s = (last - first) / 1e6
    if asked == "auto":
        return next((s for s in RESOLUTIONS.values() if span_s / s <= POINTS), RESOLUTIONS["1d"])
    if asked not in RESOLUTIONS:
        raise ValueError(f"the resolution {asked!r} is none of auto, {', '.join(RESOLUTIONS)}")
    if span_s / RESOLUTIONS[asked] > MOST_POINTS:
        raise ValueError(f"{asked} gives more than {MOST_POINTS} points; ask for a shorter time, or auto")
    return RESOLUTIONS[asked]
