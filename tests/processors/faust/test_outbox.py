"""Where outputs go: with their cause where the key is the same, else where Kafka's clients put the key."""

from typing import NamedTuple

from aiokafka.partitioner import DefaultPartitioner

from processors.faust.letters import Cap, Source
from processors.faust.outbox import Outbox
from processors.stage import Output
from schemas.codec import Codec
from schemas.codec.catalog import EVENT_TYPES
from schemas.events.watermark import Watermark
from schemas.partition import partition_of
from schemas.settings import Settings
from schemas.topics import ALERTS, PANES, TELEMETRY
from tests.samples import sample


class Sent(NamedTuple):
    """A record, as far as the outbox asks."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


CODEC = Codec({event: index + 1 for index, event in enumerate(sorted(EVENT_TYPES))})


def places(source: Source, *outputs: Output) -> list[tuple[str, int, bytes | None]]:
    outbox = Outbox(CODEC, Settings(), source, Cap())
    outbox.add(Sent(0, 0, None, b""), outputs)
    return [(each.topic, each.partition, each.key) for each in outbox.take()]


def test_an_output_of_the_sources_key_stays_in_its_partition() -> None:
    source = Source("node-stage", "penstock.telemetry", 3, "node_id", 4)
    assert places(source, Output(PANES, "n", sample())) == [("penstock.panes", 3, b"n")]


def test_another_key_goes_where_every_client_would_put_it() -> None:
    source = Source("request-stage", "penstock.requests", 3, "request_id", 4)
    wanted = DefaultPartitioner()(b"node-7", [0, 1, 2, 3], [0, 1, 2, 3])
    assert places(source, Output(TELEMETRY, "node-7", sample())) == [
        ("penstock.telemetry", wanted, b"node-7")
    ]
    keys = [f"node-{number}".encode() for number in range(200)]
    every = list(range(12))
    assert [partition_of(key.decode(), 12) for key in keys] == [
        DefaultPartitioner()(key, every, every) for key in keys
    ]


def test_what_has_no_key_stays_and_a_topic_that_is_not_spread_has_one_partition() -> None:
    source = Source("node-stage", "penstock.telemetry", 2, "node_id", 4)
    mark = Watermark(0, "node-stage", 2, 0, 5.0)
    said = places(source, Output(PANES, None, mark), Output(ALERTS, "fleet", sample()))
    assert said == [("penstock.panes", 2, None), ("penstock.alerts", 0, b"fleet")]
