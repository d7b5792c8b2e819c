"""An explanation as the API answers it, small."""

from collections.abc import Mapping
from typing import Any


def evidence(value: float | None, **changes: Any) -> dict[str, Any]:
    return {
        "name": "temperature", "subject": "GPU-1", "unit": "°C", "comparison": ">=", "value": value,
        "threshold": 83.0, **changes,
    }  # fmt: skip


def point(second: int, value: float | None, **changes: Any) -> dict[str, Any]:
    """A judgement; without a value it has no evidence and does not tell."""
    known = value is not None
    return {
        "at": at(second),
        "holds": value >= 83.0 if value is not None else None,
        "open": False,
        "coverage": 1.0,
        "evidence": [evidence(value)] if known else [],
        **changes,
    }


def at(second: int) -> str:
    return f"2026-06-01T12:{second // 60:02}:{second % 60:02}.000000Z"


def explanation(**changes: Any) -> Mapping[str, Any]:
    """GPU-1 heats up, is too hot for a minute and cools down."""
    degrees = [70.0, 74.0, 78.0, 84.0, 88.0, 90.0, 88.0, 84.0, 79.0, 75.0]
    points = [point(10 * place, value, open=30 <= 10 * place < 90) for place, value in enumerate(degrees)]
    return {
        "kind": "observation", "id": "5b0a4d86-3c52-5f0e-8f4d-1f2f3a4b5c6d", "what": "hot",
        "title": "Too hot",
        "about": "An accelerator is too hot.", "node_id": "gpu-01", "fleet": "default", "members": [],
        "observations": [], "severity": "warning", "peak_severity": "warning", "text": "GPU-1 is at 84 °C",
        "recommendation": "Check the fans.", "onset_at": at(30), "opened_at": at(30), "ended_at": at(90),
        "ended_because": "cleared", "window_started_at": at(0), "window_s": 60, "for_s": 0.0, "clear_s": 60.0,
        "source": "a list", "recorded": True, "deciding": evidence(84.0), "evidence": [evidence(84.0)],
        "points": points,
        "limits": [{"name": "hot_c", "value": 83.0, "unit": "°C", "doc": "from where it is hot",
                    "place": "patterns.hot"}],
        "rules_then": "default", "rules_now": "default",
        "said": [{"change": "opened", "revision": 0, "reason": "opened", "occurred_at": at(30),
                  "arrived_at": at(32), "severity": "warning", "text": "GPU-1 is at 84 °C",
                  "evidence": [evidence(84.0)], "topic": "observations", "partition": 2, "offset": 17}],
        "facts": [{"what": "panes of the window that opened it", "topic": "panes", "partition": 2,
                   "first_offset": 100, "last_offset": 140, "records": 6, "first_at": at(0),
                   "last_at": at(32)}],
        "agrees": True, "differences": [], "missing": [], "replay": ["--from", "A", "--node", "gpu-01"],
        **changes,
    }  # fmt: skip
