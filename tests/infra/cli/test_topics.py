import json

import pytest

from schemas.settings import KafkaSettings
from schemas.topics import TOPICS
from tests.infra.cli.conftest import Run


@pytest.fixture
def broker(kafka_settings: KafkaSettings, monkeypatch: pytest.MonkeyPatch) -> KafkaSettings:
    monkeypatch.setenv("PENSTOCK_KAFKA__BOOTSTRAP_SERVERS", kafka_settings.bootstrap_servers)
    monkeypatch.setenv("PENSTOCK_KAFKA__TOPIC_PREFIX", kafka_settings.topic_prefix)
    monkeypatch.setenv("PENSTOCK_KAFKA__PARTITIONS", "3")
    return kafka_settings


@pytest.mark.integration
def test_topics_are_created_once_and_then_listed(penstock: Run, broker: KafkaSettings) -> None:
    wanted = {topic.full_name(broker) for topic in TOPICS}
    before = json.loads(penstock("topics", "list", "--json").out)
    assert {row["topic"]: row["in_Kafka"] for row in before} == dict.fromkeys(wanted, False)
    assert set(json.loads(penstock("topics", "create", "--json").out)["created"]) == wanted
    assert penstock("topics", "create").out == "all topics are there\n"
    after = {row["topic"]: row for row in json.loads(penstock("topics", "list", "--json").out)}
    assert all(row["in_Kafka"] for row in after.values())
    assert after[f"{broker.topic_prefix}telemetry"]["partitions"] == 3
    assert f"{broker.topic_prefix}telemetry" in penstock("topics", "list").out
