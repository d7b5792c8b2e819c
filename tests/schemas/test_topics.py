from schemas.codec import EVENT_TYPES
from schemas.settings import KafkaSettings
from schemas.topics import NODE_STATES, NODES, PANES, TELEMETRY, TOPICS, topic_of


def test_every_event_has_a_topic_and_every_topic_known_events() -> None:
    carried = [event for topic in TOPICS for event in topic.events]
    assert set(carried) == set(EVENT_TYPES)
    assert {event for event in carried if carried.count(event) > 1} == {
        "node_registered",
        "node_stopped",
        "clock_tick",
        "operator_action",
        "rule_changed",
        "node_tagged",
        "watermark",
    }
    assert all(len(topic.events) == len(set(topic.events)) for topic in TOPICS)


def test_an_event_of_several_topics_is_known_by_the_first() -> None:
    assert topic_of("node_sample") is TELEMETRY
    assert topic_of("node_registered") is NODES
    assert topic_of("operator_action") is PANES


def test_a_stages_outputs_are_partitioned_as_its_source() -> None:
    settings = KafkaSettings(partitions=7)
    assert (
        TELEMETRY.partitions(settings) == NODE_STATES.partitions(settings) == PANES.partitions(settings) == 7
    )


def test_the_prefix_is_a_setting() -> None:
    assert TELEMETRY.full_name(KafkaSettings(topic_prefix="blue.")) == "blue.telemetry"


def test_a_compacted_topic_keeps_for_ever_and_the_others_for_a_while() -> None:
    assert {topic.name for topic in TOPICS if topic.cleanup == "compact"} == {
        "nodes",
        "rules",
        "channels",
        "node-states",
        "node-stage-states",
        "request-stage-states",
        "pattern-stage-states",
        "fleet-stage-states",
        "rule-node-states-states",
        "rule-panes-states",
        "rule-observations-states",
        "rule-alerts-states",
        "notify-stage-states",
    }
    assert all(topic.retention_ms > 0 for topic in TOPICS if topic.cleanup == "delete")
