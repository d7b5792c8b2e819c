"""What a simulated incident leaves in the topics, made once for all tests of a run."""

from collections import Counter
from functools import cache
from pathlib import Path

from processors.chain import Chain, Record
from processors.patterns.rules import Rules
from processors.replay.backtest.answer import Question, Ruled
from processors.replay.backtest.asked import EVERY, Asked
from processors.stage import Arrived
from processors.topology import all_stages
from producers.simulator.engine import simulate
from producers.simulator.scenario.read import read
from schemas.codec import Codec, packaged
from schemas.log_file import LogRecord
from schemas.partition import partition_of
from schemas.settings import Settings
from schemas.topics import ALERTS, OBSERVATIONS, PANES, SUMMARIES
from tests.processors.replay.memory_source import MemorySource

SCENARIO = Path(__file__).parents[3] / "scenarios" / "power-and-a-hang.yaml"
NODES = ("r1-1", "r2-2")
PARTITIONS = 2
KEPT = (PANES, SUMMARIES, OBSERVATIONS, ALERTS)


@cache
def records() -> tuple[Record, ...]:
    """Every record of panes, summaries, observations and alerts, in the order of the log."""
    scenario = read(SCENARIO)
    chain = Chain(all_stages(Settings()), PARTITIONS)
    found: list[Record] = []
    for fact in simulate(scenario, nodes=["r1-1", "r1-2", "r1-3", "r2-2"]):
        spread = PARTITIONS if fact.topic.spread else 1
        places = range(spread) if fact.key is None else (partition_of(fact.key, spread),)
        for place in places:
            cause = Record(fact.topic, place, fact.key, fact.event, fact.arrived_at)
            found.extend(one for one in chain.feed(cause) if one.topic in KEPT)
    return tuple(found)


def panes_of(node_id: str) -> tuple[Arrived, ...]:
    """What the topic of panes has for a node, watermarks of its partition included."""
    place = partition_of(node_id, PARTITIONS)
    return tuple(
        Arrived(one.event, one.arrived_at, place)
        for one in records()
        if one.topic is PANES and one.partition == place and one.key in (None, node_id)
    )


@cache
def log() -> tuple[LogRecord, ...]:
    """The same as a log holds them."""
    codec, offsets = the_codec(), Counter[tuple[str, int]]()
    found = []
    for one in records():
        place = one.topic.name, one.partition
        found.append(LogRecord(*place, offsets[place], one.arrived_at, one.key, codec.encode(one.event)))
        offsets[place] += 1
    return tuple(found)


def the_codec() -> Codec:
    return Codec({event: number for number, event in enumerate(packaged(), 1)})


def source() -> MemorySource:
    return MemorySource(the_codec(), log())


def span() -> tuple[int, int]:
    """When the first pane arrived, and a moment after the last."""
    times = [one.arrived_at for one in log() if one.topic == PANES.name]
    return min(times), max(times) + 1


def question(
    new: Rules | None = None,
    old: Rules | None = None,
    *,
    asked: Asked = EVERY,
    since: int = 0,
    until: int = 0,
    **more: object,
) -> Question:
    """By default: the rules that were in force, over all there is, judging everything."""
    first, last = span()
    return Question(
        new=Ruled("new.toml", new or Rules()),
        old=None if old is None else Ruled("current", old),
        asked=asked,
        since=since or first,
        until=until or last,
        **more,  # type: ignore[arg-type]
    )
