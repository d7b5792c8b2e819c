"""Panes from ClickHouse's tables give what their bytes give, and both what was recorded."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from infra.bench.recording import put
from processors.chain import Record
from processors.patterns.nvidia_thermal_redline import NvidiaThermalRedline
from processors.patterns.power_jitter import PowerJitter
from processors.patterns.rules import Rules
from processors.patterns.taken import Taken
from processors.patterns.thresholds import described
from processors.replay.backtest.asked import EVERY, asked
from processors.replay.backtest.feed import Fed, Part, SourceFeed
from processors.replay.backtest.needs import EVERYTHING, needs
from processors.replay.backtest.run import FeedOf, Sources, run
from processors.replay.sources.event_log import EventLogSource
from processors.replay.sources.pane_tables_feed import PaneTablesFeed
from processors.windows.slot import Slot
from schemas.events.operator_action import OperatorAction
from schemas.partition import partition_of
from schemas.settings import ClickHouseSettings, RegistrySettings, Settings
from schemas.topics import PANES
from tests.processors.replay.backtest.recorded import PARTITIONS, question, records, source

pytestmark = pytest.mark.integration
# Patterns that read no parts of requests.
WITHOUT = tuple(id_ for id_ in EVERY.patterns if "requests" not in needs([id_]))
# Rules by which much is told, and ends when nodes fall silent.
LOOSE = Rules(
    patterns={
        "power_jitter": {
            name: about["low"] for name, about in described(PowerJitter).items() if "low" in about
        },
        "nvidia_thermal_redline": {
            name: about["high"] for name, about in described(NvidiaThermalRedline).items() if "low" in about
        },
    },
    digest="loose",
)


def with_an_operator() -> list[Record]:
    """The recorded incident, with times as Kafka keeps them, and somebody who resolves what LOOSE opens."""
    held = source()
    which = asked(["power_jitter"], [])
    told = run(question(LOOSE, asked=which), Sources(lambda: held, lambda: SourceFeed(held))).new.fired
    one = next(one for one in told if one.node == "r2-2")
    at = one.told_at // 1000 * 1000 + 61_000_000
    id_ = "5b0a4d86-3c52-5f0e-8f4d-1f2f3a4b5c6d"
    verb = OperatorAction(id_, at, "observation", one.told_id, one.fleet, one.node, "resolve", "me", "", 0)
    found = [each._replace(arrived_at=each.arrived_at // 1000 * 1000) for each in records()]
    place = next(index for index, each in enumerate(found) if each.arrived_at >= at)
    found.insert(place, Record(PANES, partition_of(one.node, PARTITIONS), one.node, verb, at))
    return found


@pytest.fixture
def settings(clickhouse_url: str, clickhouse_database: str, registry_url: str) -> Settings:
    return Settings(
        registry=RegistrySettings(url=registry_url),
        clickhouse=ClickHouseSettings(
            url=clickhouse_url, database=clickhouse_database, event_log_ttl_days=9999, panes_ttl_days=9999
        ),
    )


def of_node(fed: Iterator[Fed], node_id: str) -> list[Fed]:
    return [one for one in fed if one.node_id == node_id]


def sorted_parts(slot: Slot) -> Slot:
    """The tables do not keep the order of what a pane has several of, and no pattern asks for it."""
    parts: dict[str, Any] = {name: tuple(sorted(getattr(slot, name))) for name in EVERYTHING - {"requests"}}
    return Slot(**{**slot._asdict(), **parts})


def test_tables_say_what_bytes_say(settings: Settings) -> None:
    recorded = with_an_operator()
    put(settings, recorded)
    since = min(one.arrived_at for one in recorded if one.topic is PANES)
    until = max(one.arrived_at for one in recorded) + 1
    part, opener = Part(since, until), partial(EventLogSource, settings)
    tables = PaneTablesFeed(settings, EVERYTHING, chips=True)
    for node_id in ("r1-1", "r2-2"):
        bytes_ = [one.event for one in of_node(SourceFeed(opener()).read(part), node_id)]
        columns = [one.event for one in of_node(tables.read(part), node_id)]
        ours, theirs = ([one for one in each if isinstance(one, Taken)] for each in (bytes_, columns))
        assert len(ours) == len(theirs) > 100
        for one, other in zip(ours, theirs, strict=True):
            assert repr(sorted_parts(other.slot)) == repr(sorted_parts(one.slot))
            assert other._replace(slot=one.slot) == one._replace(about=one.about._replace(hardware=""))
    for which in (asked(WITHOUT, []), asked(["power_jitter"], [])):
        plain = run(
            question(LOOSE, Rules(), asked=which, since=since, until=until), Sources(opener, FeedOf(opener))
        )
        parts = needs(which.patterns)
        quick = run(
            question(LOOSE, Rules(), asked=which, since=since, until=until),
            Sources(opener, partial(PaneTablesFeed, settings, parts, chips=False)),
            jobs=2,
        )
        assert quick.sides == plain.sides
        assert quick.panes == plain.panes
        assert {one.reason for one in quick.new.fired} >= {"node_gone", "operator"}
    which = asked(["error_burst", "queue_stall"], EVERY.alerts)
    whole = run(question(asked=which, since=since, until=until), Sources(opener, FeedOf(opener)), jobs=2)
    assert whole.recorded is not None
    assert (whole.recorded.only_recorded, whole.recorded.only_judged) == (0, 0)
    assert whole.recorded.same == len(whole.new.fired) > 10
