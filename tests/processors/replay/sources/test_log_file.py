"""A log file as a source: ranges, partitions, keys, gaps, and what is wrong with a file."""

from pathlib import Path

import pytest

from infra.score.schema_ids import schema_ids
from processors.replay.source import FOREVER
from processors.replay.sources.log_file import LogFileSource
from producers.simulator.log import LogWriter
from schemas.codec.serde import encode_body
from schemas.errors import ConfigError, DecodeError
from schemas.events.watermark import Watermark
from schemas.log_file import LogRecord
from schemas.topics import NODE_STATES, PANES, REQUESTS, SUMMARIES, TELEMETRY
from tests.samples import at, sample, tick

TOPICS = (TELEMETRY, REQUESTS, PANES, SUMMARIES)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "facts.log.avro"
    writer = LogWriter(file, schema_ids(), partitions=2, about={"scenario": "here"})
    for second in range(10):
        for partition in range(2):
            put(writer, "telemetry", partition, None, second, "clock_tick", encode_body(tick(second)))
        for name, partition in (("a", 0), ("b", 1)):
            body = encode_body(sample(second, node_id=name))
            put(writer, "telemetry", partition, name, second, "node_sample", body)
        mark = encode_body(Watermark(at(second), "node-stage", 0, at(second), 5.0))
        put(writer, "node-states", 0, "~watermark", second, "watermark", mark)
        put(writer, "summaries", 0, None, second, "watermark", mark)
    writer.close()
    return file


def put(
    writer: LogWriter, topic: str, partition: int, key: str | None, second: int, event: str, body: bytes
) -> None:
    writer.put(LogRecord(topic, partition, 0, at(second), key, body), event)


def test_a_range_comes_in_order(path: Path) -> None:
    source = LogFileSource(path)
    found = list(source.read(TOPICS, at(2), at(4)))
    places = [(one.arrived_at, one.topic, one.partition, one.offset) for one in found]
    assert places == sorted(places)
    assert {one.arrived_at for one in found} == {at(2), at(3)}
    assert [source.codec().decode(one.value).occurred_at for one in found] == [
        one.arrived_at for one in found
    ]


def test_what_it_holds(path: Path) -> None:
    held = LogFileSource(path).holds(TOPICS)
    assert set(held) == {"telemetry", "summaries"}
    assert held["telemetry"] == (at(0), at(9), 40, 2)


def test_partitions_and_keys_choose_among_topics_of_nodes(path: Path) -> None:
    source = LogFileSource(path)
    one = list(source.read((TELEMETRY, SUMMARIES), 0, FOREVER, partitions=(1,)))
    assert {record.partition for record in one if record.topic == "telemetry"} == {1}
    assert sum(record.topic == "summaries" for record in one) == 10
    keyed = list(source.read((TELEMETRY, NODE_STATES), 0, FOREVER, keys=("a",)))
    assert {record.key for record in keyed} == {"a", None, "~watermark"}


def test_offsets_that_are_missing_are_told(path: Path, tmp_path: Path) -> None:
    source = LogFileSource(path)
    assert source.gaps() == ()
    holes = tmp_path / "holes.log.avro"
    writer = LogWriter(holes, schema_ids(), partitions=1, about={})
    body = encode_body(tick(0))
    put(writer, "telemetry", 0, None, 0, "clock_tick", body)
    writer._offsets["telemetry", 0] = 5
    put(writer, "telemetry", 0, None, 1, "clock_tick", body)
    writer.close()
    source = LogFileSource(holes)
    source.holds(TOPICS)
    (gap,) = source.gaps()
    assert (gap.topic, gap.partition, gap.first_offset, gap.last_offset) == ("telemetry", 0, 1, 4)


def test_a_file_that_is_cut_off_gives_what_it_has_and_an_error(path: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.log.avro"
    whole = path.read_bytes()
    cut.write_bytes(whole[:-100])
    source = LogFileSource(cut)
    with pytest.raises(DecodeError, match=r"cut.log.avro is damaged or cut off after \d+ records"):
        list(source.read(TOPICS, 0, FOREVER))


def test_what_is_no_log_file_is_an_error(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("not a log")
    with pytest.raises(DecodeError, match="is no log file"):
        LogFileSource(other)
    with pytest.raises(ConfigError, match="cannot be opened"):
        LogFileSource(tmp_path / "none")
