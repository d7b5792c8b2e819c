"""Two workers, killed at random under load: every record's outputs once, and the states of a whole fold."""

import asyncio
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from processors.faust.changelog import MARKER_KEY, Marker
from processors.faust.memory import Memory
from processors.stage import Arrived, Output
from schemas.codec import Event
from schemas.kafka import ensure_topics
from schemas.settings import KafkaSettings, RegistrySettings, Settings, WorkerSettings
from schemas.topics import TOPICS
from tests.processors.faust.cluster import Sent, Worker, committed, encoded, running_worker, sender
from tests.processors.faust.counting import OUT, SOURCE, STATES, CountingStage, record, tick

pytestmark = pytest.mark.integration

PARTITIONS = 4
KEYS = 40
KILLS = 6


def inputs(seed: int, size: int) -> Iterator[tuple[int, str, Event]]:
    """Records of many keys in partitions of their own, keys that end, ticks, and records to be refused."""
    chance = random.Random(seed)
    for number in range(size):
        if number % 500 < PARTITIONS:
            yield number % 500, "", tick(number)
            continue
        key = chance.randrange(KEYS)
        reason = chance.choices(["", "end", "reject", "raise"], [1000, 5, 1, 1])[0]
        yield key % PARTITIONS, f"node-{key}", record(f"node-{key}", number, reason)


def folded(sent: Sequence[tuple[int, str, Event]]) -> tuple[list[Counter[Event]], list[dict[str, bytes]]]:
    """What each partition must have said, and the states that must remain."""
    memories = [Memory(CountingStage()) for _ in range(PARTITIONS)]
    said: list[Counter[Event]] = [Counter() for _ in range(PARTITIONS)]
    for partition, _, event in sent:
        memory = memories[partition]
        outputs = memory.fold(memory.done + 1, Arrived(event, 0))
        said[partition].update(output.event for output in outputs if isinstance(output, Output))
    return said, [
        {key: memory.stage.encode(state) for key, state in memory.states.items()} for memory in memories
    ]


async def paced(settings: KafkaSettings, records: Sequence[Sent], per_s: int) -> None:
    """Send records in order at a steady rate."""
    name = SOURCE.full_name(settings)
    tenth = per_s // 10
    async with sender(settings) as producer:
        for start in range(0, len(records), tenth):
            for partition, key, value in records[start : start + tenth]:
                await producer.send(name, value, key, partition=partition)
            await asyncio.sleep(0.1)
        await producer.flush()


async def killed_at_random(settings: Settings, folder: Path, kills: int, until: "asyncio.Task[None]") -> None:
    """Keep two workers running, and kill one of them again and again until the input has ended."""
    chance = random.Random(kills)
    workers = [running_worker(settings, folder / f"{number}.log") for number in range(2)]
    try:
        while kills or not until.done():
            await asyncio.sleep(chance.uniform(1.0, 4.0))
            if kills:
                victim = chance.randrange(2)
                workers[victim].kill()
                workers[victim] = Worker(settings, folder / f"{victim}.log")
                kills -= 1
        await _all_committed(settings, deadline_s=60)
    finally:
        assert [worker.stop() for worker in workers] == [0, 0]


async def _all_committed(settings: Settings, deadline_s: float) -> None:
    """Wait until the markers of all partitions stand at the end of the source."""
    async with asyncio.timeout(deadline_s):
        ends: dict[int, int] = {}
        for found in await committed(settings.kafka, SOURCE):
            ends[found.partition] = found.offset
        while await _done(settings) != ends:
            await asyncio.sleep(0.2)


async def _done(settings: Settings) -> dict[int, int]:
    records = await committed(settings.kafka, STATES)
    return {each.partition: Marker.decode(each.value).done for each in records if each.key == MARKER_KEY}


async def verify(settings: Settings, sent: Sequence[tuple[int, str, Event]]) -> None:
    """Compare everything that was written with a fold of everything that was sent."""
    expected, states = folded(sent)
    registry_free = await encoded(settings, ((0, "", event) for each in expected for event in each))
    values = iter(registry_free)
    wanted = [Counter({next(values)[2]: count for count in each.values()}) for each in expected]
    found: list[Counter[bytes]] = [Counter() for _ in range(PARTITIONS)]
    for each in await committed(settings.kafka, OUT):
        found[each.partition][each.value] += 1
    for partition in range(PARTITIONS):
        missing, doubled = wanted[partition] - found[partition], found[partition] - wanted[partition]
        assert (missing, doubled) == (Counter(), Counter()), f"partition {partition}"
    newest: list[dict[str, bytes]] = [{} for _ in range(PARTITIONS)]
    for each in await committed(settings.kafka, STATES):
        if each.key != MARKER_KEY:
            newest[each.partition][each.key[1:].decode()] = each.value
    alive = [{key: raw[9:] for key, raw in each.items() if raw and raw[8]} for each in newest]
    assert alive == states, "stopped in order, everything is stored"


@pytest.fixture
def settings(kafka_settings: KafkaSettings, registry_url: str) -> Settings:
    return Settings(
        kafka=kafka_settings.model_copy(update={"partitions": PARTITIONS}),
        registry=RegistrySettings(url=registry_url),
        worker=WorkerSettings(batch_records=500, session_timeout_s=2.0),
    )


async def survives(settings: Settings, folder: Path, *, seconds: int, per_s: int, kills: int) -> None:
    await ensure_topics(settings.kafka, [*TOPICS, SOURCE, OUT, STATES])
    sent = list(inputs(kills, seconds * per_s))
    records = await encoded(settings, sent)
    sending = asyncio.create_task(paced(settings.kafka, records, per_s))
    await killed_at_random(settings, folder, kills, sending)
    await sending
    await verify(settings, sent)


@pytest.mark.asyncio
async def test_nothing_is_lost_or_doubled_when_workers_are_killed(settings: Settings, tmp_path: Path) -> None:
    await survives(settings, tmp_path, seconds=20, per_s=2000, kills=KILLS)


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.asyncio
async def test_nothing_is_lost_or_doubled_over_minutes(settings: Settings, tmp_path: Path) -> None:
    await survives(settings, tmp_path, seconds=180, per_s=4000, kills=40)
