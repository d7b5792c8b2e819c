"""What callers and upstreams write, as facts may have it: of bounded length, and always UTF-8."""

import math
from collections.abc import Mapping
from functools import lru_cache
from hashlib import blake2b
from urllib.parse import urlsplit

from schemas.events.reading import NAN

LABEL = 200
SENTENCE = 500
_FINGERPRINT_BYTES = 8
_MOST = 1e15


def text(found: str, most: int = LABEL) -> str:
    """Return a text, cut."""
    cut = found if len(found) <= most else found[:most]
    return cut if cut.isascii() else cut.encode("utf-8", "replace").decode()


def labels(found: Mapping[str, str]) -> Mapping[str, str]:
    """Return labels, cut."""
    return {text(name): text(value) for name, value in found.items()} if found else {}


@lru_cache(maxsize=4096)
def fingerprint(session: str) -> str:
    """Return what stands for a conversation: callers may name it after a person."""
    if not session:
        return ""
    return blake2b(session.encode("utf-8", "replace"), digest_size=_FINGERPRINT_BYTES).hexdigest()


def number(found: int | None) -> float:
    """Return a count; NaN where there is none, or none that can be meant."""
    return float(found) if found is not None and -_MOST < found < _MOST else NAN


def between(found: int, most: int) -> int:
    """Return a whole number within plus and minus ``most``."""
    return max(-most, min(most, found))


def runtime_id(kind: str, url: str) -> str:
    """Return what node agents call a runtime: its kind and port."""
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        return kind
    return f"{kind}:{port}"


def seconds(found: float) -> float:
    """Return a duration; the clocks of two machines never make it negative."""
    return max(0.0, found) if not math.isnan(found) else NAN
