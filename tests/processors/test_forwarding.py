"""Rules, tags and time go along with what they are for, to every stage that judges by rules."""

from collections import Counter

from processors.chain import Chain, Record
from processors.fleet.stage import FleetStage
from processors.node.stage import NodeStage
from processors.patterns.stage import PatternStage
from schemas.events.node_tagged import NodeTagged
from schemas.events.rule_changed import RuleChanged
from schemas.events.watermark import Watermark
from schemas.topics import ALERTS, NODE_STATES, OBSERVATIONS, PANES, SUMMARIES, TELEMETRY
from tests.samples import at, sample, tick
from tests.schemas.golden.make import events

READ_BY_RULES = (NODE_STATES, PANES, OBSERVATIONS, ALERTS)


def chain() -> Chain:
    made = Chain([NodeStage(), PatternStage([]), FleetStage()], 2)
    for partition in range(2):
        node_id = f"node-{partition}"
        made.feed(Record(TELEMETRY, partition, node_id, sample(node_id=node_id), at(0)))
    return made


def places(found: list[Record], kind: type) -> Counter[tuple[str, int]]:
    return Counter((one.topic.name, one.partition) for one in found if isinstance(one.event, kind))


def test_a_rule_reaches_the_partition_of_each_topic_it_was_written_to_once() -> None:
    rule = RuleChanged("id", at(1), "hot", 1, False, "ada", "{}")
    found = chain().feed(Record(TELEMETRY, 1, None, rule, at(1)))
    assert {one.event for one in found} == {rule}
    assert places(found, RuleChanged) == Counter(
        {(NODE_STATES.name, 1): 1, (PANES.name, 1): 1, (OBSERVATIONS.name, 1): 1}
        | {(SUMMARIES.name, 0): 1, (ALERTS.name, 0): 1}
    )
    assert [one.key for one in found if one.topic is NODE_STATES] == ["~rule/hot"]


def test_time_reaches_them_with_the_stage_and_the_partition_that_has_come_so_far() -> None:
    found = chain().feed(Record(TELEMETRY, 1, None, tick(5), at(5)))
    marks = [(one.topic.name, one.event) for one in found if isinstance(one.event, Watermark)]
    assert {name for name, _ in marks} == {topic.name for topic in (*READ_BY_RULES, SUMMARIES)}
    assert {(name, mark.stage) for name, mark in marks} >= {
        (NODE_STATES.name, "node-stage"),
        (OBSERVATIONS.name, "pattern-stage"),
        (ALERTS.name, "fleet-stage"),
    }
    assert {(mark.partition, mark.passed_at) for _, mark in marks} == {(1, at(5))}


def test_the_tags_of_a_node_reach_them_when_it_registers() -> None:
    registered = events()["node_registered"]
    found = chain().feed(Record(TELEMETRY, 0, "node-1", registered, at(1)))
    tags = {one.topic.name: one.event.tags for one in found if isinstance(one.event, NodeTagged)}
    assert tags == {topic.name: {"rack": "r1"} for topic in (*READ_BY_RULES, SUMMARIES)}
    assert [one.key for one in found if one.topic is NODE_STATES] == ["~tags/node-1"]


def test_what_goes_along_leaves_no_state_of_a_node_behind() -> None:
    made = Chain([stage := PatternStage([]), FleetStage()], 1)
    tagged = NodeTagged("id", "node-9", "default", at(0), {})
    made.feed(Record(PANES, 0, "node-9", tagged, at(0)))
    assert made.states(stage) == {}
