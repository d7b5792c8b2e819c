"""The transport's epochs: what a fetch brings after a seek is not used, and is fetched again."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import pytest
import pytest_asyncio
from aiokafka.errors import KafkaConnectionError
from faust.transport import by_url
from faust.types import TP

from processors.faust.transport import BatchConsumer, Fetched, StageApp, Transport
from schemas.settings import Settings

pytestmark = pytest.mark.asyncio

ONE, TWO = TP("source", 0), TP("source", 1)


@dataclass(frozen=True, slots=True)
class Fake:
    """A record as aiokafka returns it, as far as Faust looks at it."""

    topic: str
    partition: int
    offset: int
    timestamp: int = 0
    timestamp_type: int = 1
    headers: tuple[()] = ()
    key: bytes = b""
    value: bytes = b""
    checksum: None = None
    serialized_key_size: int = 0
    serialized_value_size: int = 0


class Broker:
    """Logs of two partitions and the positions of one reader; something may happen during a fetch."""

    def __init__(self) -> None:
        self.logs: dict[TP, list[int]] = {ONE: list(range(10)), TWO: list(range(10))}
        self.positions = {ONE: 0, TWO: 0}
        self.committed: dict[TP, int | None] = {ONE: None, TWO: None}
        self.meanwhile: Any = None
        self.asked: list[set[TP]] = []


class Consumer(BatchConsumer):
    """The real consumer over that broker: only what its thread would do is replaced."""

    broker: Broker

    async def _getmany(self, active_partitions: Any, timeout: float) -> Any:
        broker = self.broker
        broker.asked.append(set(active_partitions))
        found = {}
        for tp in sorted(active_partitions):
            offsets = [offset for offset in broker.logs[tp] if offset >= broker.positions[tp]][:5]
            if offsets:
                found[tp] = [Fake(tp.topic, tp.partition, offset) for offset in offsets]
                broker.positions[tp] = offsets[-1] + 1
        if broker.meanwhile is not None:
            meanwhile, broker.meanwhile = broker.meanwhile, None
            await meanwhile()
        return found

    async def seek_to_committed(self) -> Mapping[TP, int]:
        for tp, offset in self.broker.committed.items():
            self.broker.positions[tp] = offset or 0
        return cast(Mapping[TP, int], self.broker.committed)


@pytest_asyncio.fixture
async def consumer() -> AsyncIterator[Consumer]:
    app = StageApp("test", broker="penstock://127.0.0.1:1", autodiscover=False)
    app.penstock, app.stage_name = Settings(), "test"
    made = Consumer(app.transport, _unused, _unused, _unused)
    made.broker = Broker()
    made._set_active_tps({ONE, TWO})
    yield made
    made._thread.thread_loop.close()  # made for a thread that was never started


async def _unused(*_: Any) -> None:
    raise AssertionError("not called here")


async def fetched(consumer: Consumer) -> dict[TP, tuple[int, Sequence[int]]]:
    """Run one fetch and return the epoch and the offsets of each partition."""
    found: dict[TP, tuple[int, Sequence[int]]] = {}
    async for tp, message in consumer.getmany(timeout=1.0):
        batch = cast(Fetched, message.value)
        found[tp] = batch.epoch, [cast(Fake, record).offset for record in batch.records]
        assert message.offset == found[tp][1][-1]
    return found


async def test_the_scheme_is_registered() -> None:
    assert by_url("penstock://127.0.0.1:9092") is Transport


async def test_one_message_holds_the_records_of_a_partition(consumer: Consumer) -> None:
    assert await fetched(consumer) == {ONE: (0, [0, 1, 2, 3, 4]), TWO: (0, [0, 1, 2, 3, 4])}
    assert await fetched(consumer) == {ONE: (0, [5, 6, 7, 8, 9]), TWO: (0, [5, 6, 7, 8, 9])}


async def test_what_a_fetch_brings_that_a_seek_overtook_is_fetched_again(consumer: Consumer) -> None:
    consumer.broker.committed = {ONE: 2, TWO: 0}
    consumer.broker.meanwhile = consumer.perform_seek  # as Faust does at the end of a rebalance
    assert await fetched(consumer) == {}
    again = await fetched(consumer)
    assert {tp: offsets for tp, (_, offsets) in again.items()} == {ONE: [2, 3, 4, 5, 6], TWO: [0, 1, 2, 3, 4]}


async def test_a_rewind_during_a_fetch_voids_it(consumer: Consumer) -> None:
    wanted = 0

    async def rewind() -> None:
        nonlocal wanted
        wanted = consumer.rewind()

    consumer.broker.meanwhile = rewind
    assert await fetched(consumer) == {}
    again = await fetched(consumer)
    assert all(epoch >= wanted for epoch, _ in again.values())
    assert again[ONE][1] == [0, 1, 2, 3, 4]


async def test_a_rewind_between_two_messages_keeps_the_second_back(consumer: Consumer) -> None:
    batches = consumer.getmany(timeout=1.0)
    await anext(batches)
    consumer.rewind()
    with pytest.raises(StopAsyncIteration):
        await anext(batches)


async def test_a_failed_fetch_seeks_anew_instead_of_ending_the_worker(consumer: Consumer) -> None:
    async def fail() -> None:
        raise KafkaConnectionError("gone")

    consumer.broker.meanwhile = fail
    assert await fetched(consumer) == {}
    assert (await fetched(consumer))[ONE][1] == [0, 1, 2, 3, 4]


async def test_a_full_partition_is_left_out_and_the_others_are_not_held_up(consumer: Consumer) -> None:
    consumer.has_room = lambda tp: tp == TWO
    assert set(await fetched(consumer)) == {TWO}
    assert consumer.broker.asked == [{TWO}]


async def test_nothing_is_fetched_while_all_are_full(consumer: Consumer) -> None:
    consumer.has_room = lambda _: False
    assert await asyncio.wait_for(fetched(consumer), 5) == {}
    assert consumer.broker.asked == []


async def test_faust_commits_nothing(consumer: Consumer) -> None:
    consumer._acked[ONE].extend([1, 2])
    consumer._acked_index[ONE].update([1, 2])
    assert consumer._new_offset(ONE) is None
    assert not consumer._acked[ONE]
