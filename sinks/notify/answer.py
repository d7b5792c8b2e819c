"""What an HTTP answer means for a delivery. Pure."""

import math
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from sinks.notify.channel import Receipt

# Another time may do: the request took too long, was too early, too many, or the server is not well.
_ANOTHER_TIME = frozenset([408, 421, 425, 429])
# The receiver as a whole wants to be left alone.
_BLOCKED = frozenset([429, 503])


def receipt_of(status: int, said: str, retry_after: str, now: datetime) -> Receipt:
    """Return the verdict on a status. Redirects are refused: they are not followed, and will not go away."""
    if 200 <= status < 300:
        return Receipt("delivered", status, said)
    if 300 <= status < 400:
        return Receipt("refused", status, "it redirects, which is not followed: give the address it leads to")
    if status in _ANOTHER_TIME or status >= 500:
        wanted = retry_after_s(retry_after, now)
        return Receipt("retry", status, said, wanted, blocked=status in _BLOCKED or wanted is not None)
    return Receipt("refused", status, said)


def retry_after_s(text: str, now: datetime) -> float | None:
    """Return the seconds of a Retry-After, in its form of seconds or of a date; None where it is neither."""
    text = text.strip()
    if text.isascii() and text.isdigit() and len(text) < 10:
        return float(text)
    try:
        # PagerDuty and others give fractions.
        seconds = float(text) if text.isascii() and text[:1].isdigit() and len(text) < 20 else math.nan
    except ValueError:
        seconds = math.nan
    if math.isfinite(seconds):
        return seconds
    try:
        when = parsedate_to_datetime(text)
        when = when if when.tzinfo else when.replace(tzinfo=UTC)
        return max(0.0, (when - now).total_seconds())
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
