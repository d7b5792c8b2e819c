"""Once an hour of log time a stored copy is a snapshot too, in the transaction that stores it."""

import asyncio
from random import Random

import pytest

from processors.faust.changelog import Marker, read_back, written
from processors.faust.hour import HOUR_US, Hour, Snapshot
from processors.faust.letters import Source
from processors.faust.log import MemoryBroker
from processors.faust.memory import Checkpoint, Memory
from processors.faust.snapshots import PART_BYTES, events
from processors.stage import Arrived
from schemas.codec import Event
from schemas.events.stage_snapshot import StageSnapshot
from tests.processors.faust.counting import PANE_RECORDS, Count, CountingStage, record, tick
from tests.processors.faust.test_partition import Bench, Fake

HOUR = 490_000 * HOUR_US
MINUTE = 60_000_000


def fed(memory: Memory[Count], offset: int, at: int, event: Event) -> Checkpoint:
    memory.fold(offset, Arrived(event, at))
    return memory.checkpoint()


def pane(memory: Memory[Count], first: int, at: int, key: str = "a") -> list[int]:
    """Fold a pane's records one by one; return the offsets of the snapshots."""
    return [
        snapshot.offset
        for number in range(PANE_RECORDS)
        for snapshot in fed(memory, first + number, at, record(key, 1)).snapshots
    ]


def test_the_first_copy_of_each_hour_is_a_snapshot_and_no_other() -> None:
    memory = Memory(CountingStage())
    assert pane(memory, 0, HOUR) == [4]
    assert pane(memory, 10, HOUR + 30 * MINUTE) == []
    assert pane(memory, 20, HOUR + 60 * MINUTE) == [24], "the first settled one of the next hour"
    assert pane(memory, 30, HOUR + 61 * MINUTE) == []
    assert pane(memory, 40, HOUR + 59 * MINUTE) == [], "the log's time went back"


def test_a_key_that_is_not_touched_is_kept_when_the_hour_is_over() -> None:
    memory = Memory(CountingStage())
    pane(memory, 0, HOUR)
    pane(memory, 10, HOUR, "b")
    (quiet,) = fed(memory, 20, HOUR + 61 * MINUTE, record("a", 1)).snapshots
    assert (quiet.key, quiet.offset, quiet.at) == ("b", 20, HOUR + 61 * MINUTE)
    assert quiet.begin == 20, "the first record that the copy of a misses"
    assert pane(memory, 21, HOUR + 62 * MINUTE, "b") == []


def test_a_key_that_is_over_leaves_a_snapshot_without_a_state() -> None:
    memory = Memory(CountingStage())
    pane(memory, 0, HOUR)
    (over,) = fed(memory, 9, HOUR + MINUTE, record("a", 1, "end")).snapshots
    assert (over.key, over.offset, over.raw) == ("a", 9, None)


def test_a_crash_makes_no_second_snapshot_of_the_hour() -> None:
    memory = Memory(CountingStage())
    pane(memory, 0, HOUR)
    copies = (("a", memory._copy("a")),)
    newest = dict(written(Checkpoint(copies, 5, 4), Marker("t", 5, 4, hour=memory.hour)))
    again = read_back(Memory(CountingStage()), newest.items()).memory
    assert again.hour == Hour(490_000, 0)
    assert pane(again, 5, HOUR + 10 * MINUTE) == []
    assert pane(again, 10, HOUR + 61 * MINUTE) == [14]


def test_a_marker_of_before_there_were_snapshots_is_read() -> None:
    raw = Marker("t", 3, 5).encode().replace(b',"hour":[0,0]', b"")
    assert b"hour" not in raw
    assert Marker.decode(raw) == Marker("t", 3, 5)


def test_over_a_topic_made_again_every_key_is_kept_by_its_new_offsets() -> None:
    memory = Memory(CountingStage())
    pane(memory, 100, HOUR)
    memory.rebase(0)
    memory.fold(0, Arrived(record("b", 1), HOUR + MINUTE))
    kept = memory.checkpoint(everything=True).snapshots
    assert {(one.key, one.offset) for one in kept} == {("a", 0), ("b", 0)}


def test_a_large_state_is_written_in_parts_a_broker_takes() -> None:
    noise = Random(1).randbytes(2 * PART_BYTES)
    made = list(events(Snapshot("a", 7, HOUR, 3, noise), Source("counting", "t", 2), "id"))
    assert len(made) > 1
    assert [one.part for one in made] == list(range(made[0].parts))
    assert len({one.id for one in made}) == len(made)
    assert all(len(one.state) <= PART_BYTES for one in made)
    assert {(one.stands_at, one.state_bytes, one.source_partition) for one in made} == {(7, len(noise), 2)}


@pytest.mark.asyncio
async def test_snapshots_come_in_the_transaction_that_stores_the_state_and_survive_its_failure() -> None:
    bench = Bench(MemoryBroker(failures=1))
    for number in range(PANE_RECORDS):
        bench.broker.records.append(
            Fake(number, bench.codec.encode(record("a", 1)), timestamp=HOUR // 1000 + number)
        )
    bench.feed()
    await bench.done()
    bench.broker.records.append(Fake(10, bench.codec.encode(tick(0)), timestamp=(HOUR + 61 * MINUTE) // 1000))
    bench.feed()
    await bench.done()
    await asyncio.wait_for(bench.partition.close(5), 10)
    kept = [event for event in bench.said() if isinstance(event, StageSnapshot)]
    assert [(one.key, one.stage, one.source_topic_id, one.stands_at) for one in kept] == [
        ("a", "counting", "memory", 4),
        ("a", "counting", "memory", 10),
    ]
    places = {out.partition for out in bench.broker.outputs if out.topic == "penstock.snapshots"}
    assert places == {0}
