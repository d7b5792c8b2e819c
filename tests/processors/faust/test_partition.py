"""A partition over a log in memory: what fails, what is refused, and what is found again."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from processors.faust import intake as intake_module
from processors.faust.intake import Intake
from processors.faust.letters import VALUE_BYTES, Source
from processors.faust.log import MemoryBroker, MemoryLog
from processors.faust.partition import Partition
from schemas.codec import EVENT_TYPES, Codec, Event, frame
from schemas.codec.catalog import latest
from schemas.codec.serde import EVENT_LIMIT_BYTES
from schemas.errors import UnavailableError, UnknownSchemaError
from schemas.events.dead_letter import DeadLetter
from schemas.events.node_stopped import NodeStopped
from schemas.settings import Settings, WorkerSettings
from tests.processors.faust.counting import CountingStage, record, tick

pytestmark = pytest.mark.asyncio

IDS = {name: number for number, name in enumerate(EVENT_TYPES, start=1)}
FOREIGN = 77
DEADLINE_S = 20.0


@dataclass(frozen=True, slots=True)
class Fake:
    """A record as aiokafka returns it."""

    offset: int
    value: bytes | None
    timestamp: int = 1_763_700_000_000
    key: bytes | None = b"key"


@dataclass
class Schemas:
    """A registry: ids it knows, and how often it is away before it answers."""

    known: dict[int, str] = field(default_factory=dict)
    away: int = 0
    asked: list[int] = field(default_factory=list)

    async def schema(self, schema_id: int) -> str:
        self.asked.append(schema_id)
        if self.away:
            self.away -= 1
            raise UnavailableError("the registry is away", retry_after_s=0.0)
        if schema_id not in self.known:
            raise UnknownSchemaError(schema_id)
        return self.known[schema_id]


class Bench:
    """A partition, fed from a broker in memory as the transport would feed it."""

    def __init__(self, broker: MemoryBroker, schemas: Schemas | None = None, **worker: Any) -> None:
        self.broker = broker
        self.epoch = 0
        self.codec = Codec(IDS)
        settings = Settings(worker=WorkerSettings(session_timeout_s=1, **worker))
        self.partition = Partition(
            CountingStage(),
            Source("counting", "count-source", 0),
            MemoryLog(broker),
            intake=Intake(self.codec, schemas or Schemas()),
            settings=settings,
            rewind=self.rewind,
        )
        self.partition.start()

    def rewind(self) -> int:
        """Fetch everything again from where it is committed, with a new epoch."""
        self.epoch += 1
        asyncio.get_running_loop().call_soon(self.feed)
        return self.epoch

    def feed(self) -> None:
        """Hand over what is not committed."""
        begin = self.broker.next_offset
        self.partition.accept(self.epoch, [each for each in self.broker.records if each.offset >= begin])

    def put(self, *values: Event | bytes, first: int | None = None) -> None:
        """Append events, or bytes that are none."""
        records = self.broker.records
        offset = first if first is not None else records[-1].offset + 1 if records else 0
        for value in values:
            raw = value if isinstance(value, bytes) else self.codec.encode(value)
            records.append(Fake(offset, raw))
            offset += 1
        self.feed()

    async def done(self, offset: int | None = None) -> None:
        """Wait until everything, or everything to before ``offset``, is committed."""
        wanted = offset if offset is not None else self.broker.records[-1].offset + 1
        await until(lambda: self.broker.next_offset >= wanted)

    def said(self) -> list[Event]:
        """Every event that was written."""
        return [self.codec.decode(outgoing.value) for outgoing in self.broker.outputs]

    def totals(self) -> dict[str, list[str]]:
        """The running totals that were written for each key."""
        found: dict[str, list[str]] = {}
        for event in self.said():
            if isinstance(event, NodeStopped) and event.reason == "record":
                found.setdefault(event.node_id, []).append(event.fleet)
        return found

    def letters(self) -> list[DeadLetter]:
        """The dead letters that were written."""
        return [event for event in self.said() if isinstance(event, DeadLetter)]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not condition():
            await asyncio.sleep(0.001)


def sums(values: Sequence[int]) -> list[str]:
    return [str(sum(values[: index + 1])) for index in range(len(values))]


async def test_every_record_is_answered_once() -> None:
    bench = Bench(MemoryBroker(), batch_records=3)
    bench.put(*(record("a", number) for number in range(10)))
    await bench.done()
    await bench.partition.close(5)
    assert bench.totals() == {"a": sums(range(10))}


async def test_a_failed_transaction_is_started_over_and_says_nothing_twice() -> None:
    bench = Bench(MemoryBroker(failures=2), batch_records=4)
    bench.put(*(record("ab"[number % 2], number) for number in range(20)))
    await bench.done()
    bench.put(record("a", 100))
    await bench.done()
    await bench.partition.close(5)
    assert bench.totals() == {"a": sums([*range(0, 20, 2), 100]), "b": sums(range(1, 20, 2))}


async def test_who_is_fenced_lets_go_and_the_new_owner_goes_on() -> None:
    broker = MemoryBroker()
    old = Bench(broker)
    old.put(record("a", 1), record("a", 2))
    await old.done()
    new = Bench(broker)
    await until(lambda: new.partition._opened)
    new.put(record("a", 3))
    old.feed()
    await new.done()
    await asyncio.gather(old.partition.close(5), new.partition.close(5))
    assert new.totals() == {"a": sums([1, 2, 3])}


async def test_a_batch_of_before_the_rewind_is_refused() -> None:
    bench = Bench(MemoryBroker())
    bench.partition.accept(bench.epoch - 1, [Fake(7, bench.codec.encode(record("a", 9)))])
    bench.put(record("a", 1))
    await bench.done()
    await bench.partition.close(5)
    assert bench.totals() == {"a": ["1"]}


async def test_what_was_accepted_and_is_fetched_again_counts_once() -> None:
    bench = Bench(MemoryBroker())
    bench.put(record("a", 1), record("a", 2))
    bench.feed()
    bench.feed()
    await bench.done()
    await bench.partition.close(5)
    assert bench.totals() == {"a": sums([1, 2])}


async def test_closing_stores_everything_so_the_next_owner_reads_nothing_again() -> None:
    broker = MemoryBroker()
    first = Bench(broker)
    first.put(record("a", 1), record("b", 2))
    await first.done()
    await first.partition.close(5)
    broker.records.clear()
    second = Bench(broker)
    second.put(record("a", 10), first=2)
    await second.done()
    await second.partition.close(5)
    assert second.totals() == {"a": ["1", "11"], "b": ["2"]}


async def test_a_crash_is_caught_up_from_the_source() -> None:
    broker = MemoryBroker()
    first = Bench(broker)
    first.put(record("a", 1), record("b", 2), tick(0))
    await first.done()
    assert first.partition._task is not None
    first.partition._task.cancel()
    second = Bench(broker)
    second.put(record("a", 10), record("b", 20))
    await second.done()
    await second.partition.close(5)
    assert second.totals() == {"a": ["1", "11"], "b": ["2", "22"]}


async def test_what_cannot_be_read_is_a_dead_letter_and_the_rest_goes_on() -> None:
    bench = Bench(MemoryBroker())
    good = bench.codec.encode(record("a", 1))
    hostile = frame(IDS["node_stopped"], b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01" * 3)
    bad = [
        (b"", "decode"),
        (b"not framed", "decode"),
        (good[:-3], "decode"),
        (good + b"\0", "decode"),
        (hostile, "decode"),
        (frame(FOREIGN, b"x"), "unknown_schema"),
        (b"\0" * (EVENT_LIMIT_BYTES + 1), "oversized"),
    ]
    for value, _ in bad:
        bench.put(value, record("a", 1))
    bench.put(bench.codec.encode(record("a", 1, "raise")), record("a", 1, "reject"), record("a", 1))
    await bench.done()
    await bench.partition.close(5)
    assert [letter.reason for letter in bench.letters()] == [
        *(reason for _, reason in bad),
        "rejected",
        "implausible_time",
    ]
    assert [letter.offset for letter in bench.letters()] == [0, 2, 4, 6, 8, 10, 12, 14, 15]
    assert bench.totals() == {"a": sums([1] * 8)}
    oversized = bench.letters()[6]
    assert (len(oversized.value), oversized.size_bytes) == (VALUE_BYTES, EVENT_LIMIT_BYTES + 1)
    assert len({letter.id for letter in bench.letters()}) == 9


async def test_a_tombstone_in_the_source_is_a_dead_letter() -> None:
    bench = Bench(MemoryBroker())
    bench.broker.records.append(Fake(0, None, key=None))
    bench.put(record("a", 1))
    await bench.done()
    await bench.partition.close(5)
    assert [letter.reason for letter in bench.letters()] == ["decode"]
    assert bench.totals() == {"a": ["1"]}


async def test_dead_letters_are_capped_for_each_minute_of_arrival_and_the_rest_is_counted() -> None:
    bench = Bench(MemoryBroker(), dead_letters_per_minute=2)
    minute = 60_000
    for offset, at in enumerate([0, 1, 2, 3, 4, minute, minute + 1, 1, minute + 2]):
        bench.broker.records.append(Fake(offset, b"bad", timestamp=minute * 1000 + at))
    bench.feed()
    await bench.done()
    await bench.partition.close(5)
    assert [(letter.offset, letter.suppressed) for letter in bench.letters()] == [
        (0, 0),
        (1, 0),
        (5, 3),
        (6, 0),
    ]


async def test_the_cap_goes_on_after_a_crash() -> None:
    broker = MemoryBroker()
    first = Bench(broker, dead_letters_per_minute=1)
    first.put(b"bad", b"bad")
    await first.done()
    await first.partition.close(5)
    second = Bench(broker, dead_letters_per_minute=1)
    second.broker.records.append(Fake(2, b"bad", timestamp=Fake(0, b"").timestamp + 60_000))
    second.feed()
    await second.done()
    await second.partition.close(5)
    assert [(letter.offset, letter.suppressed) for letter in second.letters()] == [(0, 0), (2, 1)]


async def test_a_foreign_schema_is_learnt_and_asked_for_once() -> None:
    schemas = Schemas({FOREIGN: latest("node_stopped").text})
    bench = Bench(MemoryBroker(), schemas)
    body = bench.codec.encode(record("a", 5))[5:]
    bench.put(frame(FOREIGN, body), frame(FOREIGN, body))
    await bench.done()
    await bench.partition.close(5)
    assert bench.totals() == {"a": sums([5, 5])}
    assert schemas.asked == [FOREIGN]


async def test_while_the_registry_is_away_the_partition_waits_and_nothing_is_given_up() -> None:
    schemas = Schemas({FOREIGN: latest("node_stopped").text}, away=50)
    bench = Bench(MemoryBroker(), schemas)
    bench.put(frame(FOREIGN, bench.codec.encode(record("a", 5))[5:]))
    await bench.done()
    await bench.partition.close(5)
    assert bench.letters() == []
    assert bench.totals() == {"a": ["5"]}


async def test_an_id_that_no_registry_knows_is_not_asked_for_again_at_once() -> None:
    schemas = Schemas()
    bench = Bench(MemoryBroker(), schemas)
    bench.put(*(frame(FOREIGN, b"x") for _ in range(10)))
    await bench.done()
    await bench.partition.close(5)
    assert len(bench.letters()) == 10
    assert schemas.asked == [FOREIGN]


async def test_a_flood_of_made_up_ids_is_not_a_flood_of_questions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake_module, "LOOKUPS_PER_MINUTE", 5)
    schemas = Schemas()
    bench = Bench(MemoryBroker(), schemas)
    bench.put(*(frame(1000 + number, b"x") for number in range(50)))
    await bench.done()
    await bench.partition.close(5)
    assert len(bench.letters()) == 50
    assert len(schemas.asked) == 5


async def test_a_record_given_up_for_its_schema_stays_given_up_when_the_registry_has_learnt_it() -> None:
    broker = MemoryBroker()
    first = Bench(broker)
    body = first.codec.encode(record("a", 5))[5:]
    first.put(record("a", 1), frame(FOREIGN, body), record("a", 2))
    await first.done()
    assert first.partition._task is not None
    first.partition._task.cancel()
    second = Bench(broker, Schemas({FOREIGN: latest("node_stopped").text}))
    second.put(record("a", 4), frame(FOREIGN, body))
    await second.done()
    await second.partition.close(5)
    assert second.totals() == {"a": ["1", "3", "7", "12"]}


async def test_when_the_source_forgot_what_is_missed_the_rest_goes_on() -> None:
    broker = MemoryBroker()
    first = Bench(broker)
    first.put(record("a", 1), record("b", 2), record("a", 4))
    await first.done()
    assert first.partition._task is not None
    first.partition._task.cancel()
    del broker.records[:2]
    second = Bench(broker)
    second.put(record("a", 8))
    await second.done()
    await second.partition.close(5)
    assert second.totals()["a"][-1] == "12", "of 1 + 4 + 8 the 1 is gone with the source"


async def test_a_source_made_again_is_read_from_its_start_and_the_states_go_on() -> None:
    broker = MemoryBroker()
    first = Bench(broker)
    first.put(*(record("a", 1) for _ in range(5)))
    await first.done()
    await first.partition.close(5)
    broker.records.clear()
    broker.topic_id, broker.next_offset = "another", 0
    second = Bench(broker)
    await until(lambda: second.partition._opened)
    second.put(record("a", 10), first=0)
    await second.done(1)
    assert second.partition._task is not None
    second.partition._task.cancel()
    third = Bench(broker)
    await until(lambda: third.partition._opened)
    third.put(record("a", 20))
    await third.done(2)
    await third.partition.close(5)
    assert third.totals()["a"][-2:] == ["15", "35"]


async def test_an_output_that_is_too_large_to_send_is_a_dead_letter() -> None:
    bench = Bench(MemoryBroker())
    bench.put(record("a", 1, "large"), record("a", 2))
    await bench.done()
    await bench.partition.close(5)
    assert [(letter.offset, letter.reason) for letter in bench.letters()] == [(0, "rejected")]
    assert bench.totals() == {"a": ["3"]}
