"""What goes along with node states for other readers is nothing to a router, however often it comes."""

from typing import cast

import pytest
from aiokafka import ConsumerRecord, TopicPartition

from api.query.fleet import FleetView
from api.router.fleet_chooser import FleetChooser
from api.router.fleet_metrics import FleetMetrics
from api.router.fleet_reader import FleetReader
from schemas.codec import Event
from schemas.events.watermark import Watermark
from schemas.settings import Settings
from tests.processors.rules.world import rule, state, tagged, when
from tests.samples import at


class Counting:
    """A chooser that counts what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def state(self, event: Event, arrived_us: int) -> None:
        del event, arrived_us
        self.told.append("state")

    def refresh(self) -> None:
        self.told.append("refresh")


class Record:
    """As much of a consumer's record as the reader looks at."""

    timestamp = at(1) // 1000


@pytest.mark.parametrize(
    "event",
    [
        Watermark(at(1), "node-stage", 0, at(1), 5.0),
        rule("r", when=when("wes", "<", 5)),
        tagged("n1", rack="r1"),
    ],
)
def test_rules_tags_and_watermarks_are_passed_over(event: Event) -> None:
    fleet, chooser = FleetView(), Counting()
    reader = FleetReader(Settings(), fleet, FleetMetrics(fleet, "router"))
    reader._chooser = cast(FleetChooser, chooser)
    reader._tail.has_caught_up = True
    place, record = TopicPartition("node-states", 0), cast(ConsumerRecord, Record())
    reader.apply(event, place, record)
    assert (chooser.told, len(fleet)) == ([], 0)
    reader.apply(state(1), place, record)
    assert (chooser.told, len(fleet)) == (["state"], 1)
