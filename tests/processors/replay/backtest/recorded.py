"""What a simulated incident leaves in the topics, made once for all tests of a run."""

from functools import cache
from pathlib import Path

from processors.chain import Chain, Record
from processors.stage import Arrived
from processors.topology import all_stages
from producers.simulator.engine import simulate
from producers.simulator.scenario.read import read
from schemas.partition import partition_of
from schemas.settings import Settings
from schemas.topics import ALERTS, OBSERVATIONS, PANES, SUMMARIES

SCENARIO = Path(__file__).parents[3] / "scenarios" / "thermal_drain.yaml"
NODES = ("drained", "busier")
PARTITIONS = 2


@cache
def records() -> tuple[Record, ...]:
    """Every record of panes, summaries, observations and alerts, in the order of the log."""
    scenario = read(SCENARIO)
    chain = Chain(all_stages(Settings()), PARTITIONS)
    kept = {PANES.name, SUMMARIES.name, OBSERVATIONS.name, ALERTS.name}
    found: list[Record] = []
    for fact in simulate(scenario, nodes=["drained", "warm", "busier"]):
        spread = PARTITIONS if fact.topic.spread else 1
        places = range(spread) if fact.key is None else (partition_of(fact.key, spread),)
        for place in places:
            cause = Record(fact.topic, place, fact.key, fact.event, fact.arrived_at)
            found.extend(one for one in chain.feed(cause) if one.topic.name in kept)
    return tuple(found)


def panes_of(node_id: str) -> tuple[Arrived, ...]:
    """What the topic of panes has for a node, watermarks of its partition included."""
    place = partition_of(node_id, PARTITIONS)
    return tuple(
        Arrived(one.event, one.arrived_at, place)
        for one in records()
        if one.topic is PANES and one.partition == place and one.key in (None, node_id)
    )
