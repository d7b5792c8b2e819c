"""The demonstration as a process: its scenario at the speed of the clock, through the nodes' own emitter."""

import math
from dataclasses import replace
from pathlib import Path

from producers.simulator.engine import simulate
from producers.simulator.live import send
from producers.simulator.scenario.faults import FanFailure
from producers.simulator.scenario.model import Scenario
from producers.simulator.scenario.read import read
from schemas.settings import Settings

FILE = Path(__file__).with_name("demo.yaml")
# One GPU overheats again and again, that there is something to see soon and later.
_HOT_NODE, _HOT_GPU = "demo-h100-b", 3
_FIRST_S, _EVERY_S, _FOR_S = 240.0, 3600.0, 600.0


def scenario() -> Scenario:
    """Return what the demonstration shows."""
    found = read(FILE)
    failures = tuple(
        FanFailure(nodes=(_HOT_NODE,), gpus=(_HOT_GPU,), at_s=_FIRST_S + number * _EVERY_S, duration_s=_FOR_S)
        for number in range(math.floor(found.duration_s / _EVERY_S))
    )
    return replace(found, faults=failures)


async def serve(settings: Settings) -> None:
    """Emit until cancelled, day after day.

    Raises:
        UnavailableError: Kafka or the registry do not answer.
        ConfigError: the settings of Kafka cannot work, or another demonstration uses the spool.
    """
    shown = scenario()
    while True:
        await send(shown, simulate(shown), settings, speed=1.0, report=_nobody)


def _nobody(_seconds: float, _facts: int) -> None:
    """Tell nobody how far it is: it has no end."""
