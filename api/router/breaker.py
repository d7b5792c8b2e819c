"""Leaves an upstream alone that fails again and again, and tries it again by one request at a time.

Pure: the time comes in. What the upstream says is the caller's fault (4xx) is an answer like any other.
"""

from collections.abc import Mapping
from dataclasses import dataclass

_NONE: frozenset[str] = frozenset()
_LONGEST = 8
"""A pause grows to this many times the first one."""


@dataclass(slots=True)
class _State:
    failures: int = 0
    pauses: int = 0
    closed_until_s: float = 0.0
    probing_since_s: float | None = None


class Breakers:
    """One breaker for each upstream.

    Args:
        failures: in a row, after which an upstream is left alone.
        cooldown_s: for how long at first; each failed probe doubles it, up to eight times as long. A probe
            that is not heard of for as long is presumed lost.
    """

    def __init__(self, failures: int, cooldown_s: float) -> None:
        self._failures = failures
        self._cooldown_s = cooldown_s
        self._states: dict[str, _State] = {}
        self._open: dict[str, _State] = {}

    def blocked(self, now_s: float) -> frozenset[str]:
        """Return the upstreams that nothing may be sent to now."""
        if not self._open:
            return _NONE
        return frozenset(id_ for id_, state in self._open.items() if self._blocks(state, now_s))

    def sent(self, upstream: str, now_s: float) -> None:
        """Hear of a request that goes out; where the breaker is open, it is the probe."""
        state = self._open.get(upstream)
        if state is not None:
            state.probing_since_s = now_s

    def succeeded(self, upstream: str) -> None:
        """Hear of an answer."""
        if upstream in self._states:
            del self._states[upstream]
            self._open.pop(upstream, None)

    def undecided(self, upstream: str) -> None:
        """Hear that a request ended without telling anything of the upstream: its client left."""
        state = self._open.get(upstream)
        if state is not None:
            state.probing_since_s = None

    def failed(self, upstream: str, now_s: float) -> bool:
        """Hear of a failure, and tell whether it opened the breaker."""
        state = self._states.setdefault(upstream, _State())
        state.failures += 1
        state.probing_since_s = None
        if upstream not in self._open and state.failures < self._failures:
            return False
        if now_s >= state.closed_until_s:  # failures of requests sent before the last opening count once
            state.closed_until_s = now_s + self._pause_s(state)
            state.pauses += 1
        opened = upstream not in self._open
        self._open[upstream] = state
        return opened

    def status(self, now_s: float) -> Mapping[str, str]:
        """Return the upstreams whose breaker is not closed: ``open``, or ``half-open``."""
        return {
            id_: "open" if now_s < state.closed_until_s else "half-open" for id_, state in self._open.items()
        }

    def _blocks(self, state: _State, now_s: float) -> bool:
        if now_s < state.closed_until_s:
            return True
        since = state.probing_since_s
        return since is not None and now_s - since < self._pause_s(state)

    def _pause_s(self, state: _State) -> float:
        return self._cooldown_s * float(min(2**state.pauses, _LONGEST))
