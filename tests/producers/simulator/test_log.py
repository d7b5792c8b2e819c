"""Log files: what goes in comes out, equal facts are equal bytes, and no half file has a whole one's name."""

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fastavro
import pytest

from infra.score.schema_ids import schema_ids
from producers.simulator.fact import Fact
from producers.simulator.log import write_log
from schemas.codec import schema_id_of
from schemas.errors import ConfigError, DecodeError, RefusedError, UnknownSchemaError
from schemas.log_file import LogFile
from tests.producers.simulator.facts import facts

ABOUT = {"scenario": "x", "seed": "7"}


def write(file: Path, found: list[Fact] | Iterator[Fact], partitions: int = 4) -> int:
    return write_log(found, file, schema_ids(), partitions=partitions, about=ABOUT)


def test_what_goes_in_comes_out(tmp_path: Path) -> None:
    file, wanted = tmp_path / "a.avro", list(facts(20))
    assert write(file, wanted) == len(wanted)
    with LogFile.open(file) as log:
        assert log.about == {"format": "1", "partitions": "4", "scenario": "x", "seed": "7"}
        codec = log.codec()
        found = [(one, codec.decode(one.value)) for one in log]
    ticks = [record for record, event in found if type(event).__name__ == "ClockTick"]
    assert [record.partition for record in ticks] == [0, 1, 2, 3] * 4
    keyed = [
        (record.topic, record.key, record.arrived_at, repr(event)) for record, event in found if record.key
    ]
    assert keyed == [(one.topic.name, one.key, one.arrived_at, repr(one.event)) for one in wanted if one.key]


def test_offsets_count_in_each_partition(tmp_path: Path) -> None:
    write(tmp_path / "a.avro", facts(20))
    offsets: dict[tuple[str, int], list[int]] = defaultdict(list)
    with LogFile.open(tmp_path / "a.avro") as log:
        for record in log:
            offsets[record.topic, record.partition].append(record.offset)
    assert all(found == list(range(len(found))) for found in offsets.values())


def test_equal_facts_are_equal_bytes(tmp_path: Path) -> None:
    write(tmp_path / "a.avro", facts(50))
    write(tmp_path / "b.avro", facts(50))
    assert (tmp_path / "a.avro").read_bytes() == (tmp_path / "b.avro").read_bytes()


def test_any_avro_library_can_read_it(tmp_path: Path) -> None:
    write(tmp_path / "a.avro", facts(3))
    with (tmp_path / "a.avro").open("rb") as raw:
        reader = fastavro.reader(raw)
        schemas = json.loads(reader.metadata["penstock.schemas"])
        first: Any = next(reader)
    assert list(first) == ["topic", "partition", "offset", "arrived_at", "key", "value"]
    assert json.loads(schemas[str(schema_id_of(first["value"]))]["schema"])["name"] == "ClockTick"


def test_a_file_that_knows_other_schemas_is_read_by_its_own(tmp_path: Path) -> None:
    older = {name: id_ + 1 for name, id_ in schema_ids().items()}
    write_log(facts(3), tmp_path / "a.avro", older, partitions=1, about=ABOUT)
    with LogFile.open(tmp_path / "a.avro") as log:
        codec = log.codec()
        assert type(codec.decode(next(iter(log)).value)).__name__ == "ClockTick"
    with pytest.raises(UnknownSchemaError):
        codec.decode(b"\0\0\0\0\1")


def test_an_interrupted_writer_leaves_nothing(tmp_path: Path) -> None:
    def interrupted() -> Iterator[Fact]:
        yield from facts(5)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "a.avro", interrupted())
    assert list(tmp_path.iterdir()) == []


def test_a_place_where_nothing_can_be_written(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="cannot be written"):
        write(tmp_path / "no" / "a.avro", facts(5))


def test_a_file_that_is_cut_off(tmp_path: Path) -> None:
    file = tmp_path / "a.avro"
    write(file, facts(2000))
    file.write_bytes(file.read_bytes()[:-100])
    with LogFile.open(file) as log, pytest.raises(DecodeError, match=r"cut off after \d+ records"):
        list(log)


@pytest.mark.parametrize("raw", [b"", b"Obj\x01", b"hello" * 100])
def test_what_is_no_log_file(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "a.avro").write_bytes(raw)
    with pytest.raises(DecodeError, match=r"a\.avro is no log file"):
        LogFile.open(tmp_path / "a.avro")


def test_a_file_of_a_newer_format(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("producers.simulator.log.FORMAT", 2)
    write(tmp_path / "a.avro", facts(1))
    with pytest.raises(DecodeError, match="has format 2; this version reads up to 1"):
        LogFile.open(tmp_path / "a.avro")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be opened"):
        LogFile.open(tmp_path / "a.avro")
