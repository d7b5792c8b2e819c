"""Panes of labelled incidents, recorded once: ``python -m tests.processors.patterns.golden.make [ID ...]``.

One log file for each pattern: what the pattern stage read of the node at which its scenario says that it
fires, from ten minutes before to some after. A file that is there is written again only when it is named.
"""

import sys
from collections.abc import Iterator
from math import inf
from pathlib import Path

from infra.score.schema_ids import schema_ids
from processors.chain import Chain, Record
from processors.node.stage import NodeStage
from processors.patterns.catalog import PATTERNS
from processors.patterns.pattern import Pattern
from processors.requests.stage import RequestStage
from producers.simulator.engine import simulate
from producers.simulator.fact import Fact
from producers.simulator.log import log_file
from producers.simulator.scenario.read import read
from schemas.topics import PANES

GOLDEN = Path(__file__).parent
AFTER_S = 120.0
SCENARIOS = Path(__file__).parents[3] / "scenarios"


def panes(pattern: Pattern) -> Iterator[Fact]:
    """Give what the pattern stage reads of the first node at which a pattern must fire."""
    scenario = read(SCENARIOS / f"{pattern.id}.yaml")
    label = next(label for label in scenario.expect if label.id == pattern.id)
    node = label.node
    before_s = 660 + pattern.for_s  # the longest window, and a minute
    first = scenario.starts_at / 1e6 + label.opens.begin_s - before_s
    last = scenario.starts_at / 1e6 + min(
        label.resolves.end_s if label.resolves else inf, scenario.duration_s
    )
    chain = Chain((NodeStage(), RequestStage()))
    for fact in simulate(scenario, nodes=[node]):
        for out in chain.feed(Record(fact.topic, 0, fact.key, fact.event, fact.arrived_at)):
            recorded = first * 1e6 <= out.arrived_at <= (last + AFTER_S) * 1e6
            if recorded and out.topic is PANES and out.key in (node, None):
                yield Fact(PANES, out.key, out.event, out.arrived_at)


def make(pattern: Pattern) -> None:
    """Record the panes of one pattern."""
    about = {"scenario": f"{pattern.id}.yaml"}
    ids = {event: id_ for event, id_ in schema_ids().items() if event in PANES.events}
    with log_file(GOLDEN / f"{pattern.id}.panes", ids, partitions=1, about=about) as writer:
        for fact in panes(pattern):
            writer.write(fact)


if __name__ == "__main__":
    named = sys.argv[1:]
    for each in PATTERNS:
        if each.id in named or not (named or (GOLDEN / f"{each.id}.panes").exists()):
            make(each)
            print(f"wrote {each.id}", file=sys.stderr)
