"""Who may come in: on loopback anyone, elsewhere whoever has a key that works."""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import replace

from api.auth import Key, KeyRing
from api.router.ask import Caller, Goal
from api.router.queue.limits import UNLIMITED, KeyLimits

_FINGERPRINT = 12


class KeyGate:
    """See ``seams.Gate``.

    Args:
        keys: those that are accepted.
        needed: whether a key is needed. Where none is, a key still tells callers apart.
        limits: what a caller may have whose key does not say, or who has none.
    """

    def __init__(self, keys: KeyRing, *, needed: bool, limits: KeyLimits = UNLIMITED) -> None:
        self._keys = keys
        self._needed = needed
        self._limits = limits
        self._anonymous = Caller(limits=limits)
        self._known: dict[str, tuple[Key, Caller]] = {}

    def identify(self, headers: Mapping[bytes, bytes]) -> Caller | None:
        """See ``seams.Gate``."""
        text = presented(headers)
        if not text and not self._needed:
            return self._anonymous
        key = self._keys.find(text)
        if key is not None:
            return self._caller(key)
        return None if self._needed else Caller(fingerprint(text), limits=self._limits)

    def _caller(self, key: Key) -> Caller:
        """Return whose key it is; made once, until the file of keys changes."""
        known = self._known.get(key.id)
        if known is None or known[0] is not key:
            known = self._known[key.id] = (key, caller(key, self._limits))
        return known[1]


def caller(key: Key, usual: KeyLimits) -> Caller:
    """Return what a key of ours stands for; its id is its fingerprint."""
    told = key.allowance
    limits = replace(
        usual,
        priority_ceiling=usual.priority_ceiling if told.priority_ceiling is None else told.priority_ceiling,
        weight=told.weight,
        max_wait_s=usual.max_wait_s if told.max_wait_s is None else told.max_wait_s,
        max_in_flight=usual.max_in_flight if told.max_in_flight is None else told.max_in_flight,
        tokens=math.inf if told.tokens is None else told.tokens,
        period_s=told.period_s,
    )
    models = frozenset(told.models) if told.models else None
    goal = Goal(told.goal) if told.goal else None
    return Caller(key.id, key.name, limits, models, goal, told.resident_fallback)


def presented(headers: Mapping[bytes, bytes]) -> str:
    """Return the key in the headers; empty where there is none."""
    scheme, _, token = headers.get(b"authorization", b"").partition(b" ")
    found = token if scheme.lower() == b"bearer" else headers.get(b"x-api-key", b"")
    return found.decode("latin-1").strip()


def fingerprint(key: str) -> str:
    """Return what stands for a key in facts: it tells keys apart, and gives none away."""
    return hashlib.sha256(key.encode()).hexdigest()[:_FINGERPRINT]
