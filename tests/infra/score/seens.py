"""What was noticed and what was due, for tests."""

from dataclasses import replace
from typing import Any

from processors.labels.seen import Seen
from producers.simulator.scenario.model import Scenario
from schemas.labels import Allowance, Expectation, Window
from tests.producers.simulator.scenario.texts import sound

MINUTE = 60.0


def seen(opened_m: float = 24, resolved_m: float | None = 50, **fields: Any) -> Seen:
    """Return a thermal_drain of gpu-2; moments are minutes."""
    usual: dict[str, Any] = {"kind": "pattern", "id": "thermal_drain", "node": "gpu-2", "severity": "warning"}
    resolved_s = None if resolved_m is None else resolved_m * MINUTE
    return Seen(opened_s=opened_m * MINUTE, resolved_s=resolved_s, **{**usual, **fields})


def due(resolves: tuple[float, float] | None = (46, 58), **fields: Any) -> Expectation:
    """Return the label that ``seen`` meets."""
    usual: dict[str, Any] = {
        "kind": "pattern", "id": "thermal_drain", "node": "gpu-2", "severity": "warning", "line": 33,
        "opens": Window(22 * MINUTE, 27 * MINUTE),
    }  # fmt: skip
    end = None if resolves is None else Window(resolves[0] * MINUTE, resolves[1] * MINUTE)
    return Expectation(resolves=end, **{**usual, **fields})


def scenario(*labels: Expectation, allow: tuple[Allowance, ...] = ()) -> Scenario:
    """Return the sound scenario with other labels; its fan fails after 20 minutes."""
    return replace(sound(), expect=labels, allow=allow)
