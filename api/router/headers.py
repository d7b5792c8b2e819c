"""The headers of ours: what a caller may say in them, and what every answer says."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote

from api.router.ask import Goal
from api.router.errors import invalid
from api.router.seams import Choice

_PREFIX = b"x-penstock-"
REQUEST_ID = b"x-penstock-request-id"
_VISIBLE = re.compile(r"[\x20-\x7e]*")
_TRUE, _FALSE = frozenset({"true", "1", "yes"}), frozenset({"false", "0", "no"})
_MOST_TEXT = 200
_MOST_TAGS = 16


@dataclass(frozen=True, slots=True)
class Said:
    """What a caller said in headers; empty or None where it said nothing."""

    models: tuple[str, ...] = ()
    workload: str = ""
    session: str = ""
    tags: str = ""
    priority: int | None = None
    goal: Goal | None = None
    patience_s: float | None = None
    strict: bool = False
    resident_fallback: bool | None = None


NOTHING = Said()


def said(headers: Mapping[bytes, bytes]) -> Said:
    """Return what the headers say.

    Raises:
        Declined: a value is not of its kind.
    """
    ours = {name: value for name, value in headers.items() if name.startswith(_PREFIX)}
    if not ours:
        return NOTHING
    return Said(
        models=_list(_text(ours, b"x-penstock-fallback-models")),
        workload=_text(ours, b"x-penstock-workload"),
        session=_text(ours, b"x-penstock-session"),
        tags=_text(ours, b"x-penstock-tags"),
        priority=_integer(ours, b"x-penstock-priority"),
        goal=_goal(_text(ours, b"x-penstock-goal")),
        patience_s=_seconds(ours, b"x-penstock-patience"),
        strict=_flag(ours, b"x-penstock-strict") is True,
        resident_fallback=_flag(ours, b"x-penstock-resident-fallback"),
    )


def tags(texts: tuple[str, ...]) -> dict[str, str]:
    """Return labels by name; ``team=search`` has a value, ``nightly`` has none."""
    pairs = (text.partition("=") for text in texts[:_MOST_TAGS] if text)
    return {name.strip()[:_MOST_TEXT]: value.strip()[:_MOST_TEXT] for name, _, value in pairs}


def tag_texts(listed: str) -> tuple[str, ...]:
    """Split the labels of a header."""
    return _list(listed)


def answered(
    request_id: str,
    requested: str,
    choice: Choice | None,
    *,
    served: str = "",
    retries: int = 0,
    waited_s: float = 0.0,
    notes: Mapping[bytes, bytes] | None = None,
) -> list[tuple[bytes, bytes]]:
    """Return the headers of an answer; ``choice`` is what answered, None where it is the router itself."""
    found = [
        (REQUEST_ID, request_id.encode()),
        (b"x-penstock-requested-model", visible(requested)),
        (b"x-penstock-queue-wait-ms", b"%d" % (waited_s * 1000)),
    ]
    if choice is not None:
        fallback = choice.served != requested
        found += (
            (b"x-penstock-node", visible(choice.upstream.node_id)),
            (b"x-penstock-served-model", visible(served or choice.served)),
            (b"x-penstock-fallback", b"true" if fallback else b"false"),
            (b"x-penstock-score", b"%.6g" % choice.score),
        )
        found.append((b"x-penstock-retries", b"%d" % retries))
        if choice.fallback:
            found.append((b"x-penstock-fallback-reason", choice.fallback.encode()))
    if notes:
        found += notes.items()
    return found


def visible(text: str) -> bytes:
    """Return a text as the value of a header: cut, and percent-encoded unless visible ASCII."""
    return _short(text) if len(text) <= _MOST_TEXT else _quoted(text[:_MOST_TEXT])


@lru_cache(maxsize=1024)
def _short(text: str) -> bytes:
    return text.encode() if _VISIBLE.fullmatch(text) else _quoted(text)


def _quoted(text: str) -> bytes:
    return quote(text, safe=" /:@+,;=()[]").encode()


def _text(headers: Mapping[bytes, bytes], name: bytes) -> str:
    return headers.get(name, b"").decode("latin-1").strip()


def _list(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part for raw in text.split(",") if (part := raw.strip())))


def _goal(text: str) -> Goal | None:
    try:
        return Goal(text) if text else None
    except ValueError:
        raise invalid(f"the header x-penstock-goal is one of {', '.join(Goal)}, not {text!r}") from None


def _flag(headers: Mapping[bytes, bytes], name: bytes) -> bool | None:
    text = _text(headers, name).lower()
    if not text:
        return None
    if text not in _TRUE | _FALSE:
        raise invalid(f"the header {name.decode()} is true or false, not {text!r}")
    return text in _TRUE


def _integer(headers: Mapping[bytes, bytes], name: bytes) -> int | None:
    text = _text(headers, name)
    if not text:
        return None
    try:
        return max(-1000, min(1000, int(text)))
    except ValueError:
        raise invalid(f"the header {name.decode()} is a whole number, not {text!r}") from None


def _seconds(headers: Mapping[bytes, bytes], name: bytes) -> float | None:
    text = _text(headers, name)
    if not text:
        return None
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not 0 <= found < math.inf:
        raise invalid(f"the header {name.decode()} is a number of seconds, not {text!r}")
    return found
