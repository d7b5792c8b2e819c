"""Who may come in: on loopback anyone, elsewhere whoever has a key that works."""

import hashlib
from collections.abc import Mapping

from api.auth import KeyRing
from api.router.ask import Caller

_ANONYMOUS = Caller()
_FINGERPRINT = 12


class KeyGate:
    """See ``seams.Gate``.

    Args:
        keys: those that are accepted.
        needed: whether a key is needed. Where none is, a key still tells callers apart.
    """

    def __init__(self, keys: KeyRing, *, needed: bool) -> None:
        self._keys = keys
        self._needed = needed

    def identify(self, headers: Mapping[bytes, bytes]) -> Caller | None:
        """See ``seams.Gate``."""
        text = presented(headers)
        if self._needed and not self._keys.accepts(text):
            return None
        return Caller(fingerprint(text)) if text else _ANONYMOUS


def presented(headers: Mapping[bytes, bytes]) -> str:
    """Return the key in the headers; empty where there is none."""
    scheme, _, token = headers.get(b"authorization", b"").partition(b" ")
    found = token if scheme.lower() == b"bearer" else headers.get(b"x-api-key", b"")
    return found.decode("latin-1").strip()


def fingerprint(key: str) -> str:
    """Return what stands for a key in facts: it tells keys apart, and gives none away."""
    return hashlib.sha256(key.encode()).hexdigest()[:_FINGERPRINT]
