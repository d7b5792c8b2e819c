"""All stages on the real Kafka, with a worker that is killed: live is what the log says once more."""

import asyncio
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import zstandard

from processors.chain import Chain
from processors.chain import Record as Fed
from processors.stage import Arrived, Output, Stage, advance
from processors.topology import all_stages
from producers.simulator.engine import simulate
from producers.simulator.scenario.read import read_text
from schemas.codec import Codec, Event
from schemas.events.alert import Alert
from schemas.events.clock_tick import ClockTick
from schemas.events.condition_changed import ConditionChanged
from schemas.events.node_hint import NodeHint
from schemas.events.node_pane import NodePane
from schemas.events.notification_due import NotificationDue
from schemas.events.observation import Observation, ObservationOpened, ObservationResolved
from schemas.events.request_pane import RequestPane
from schemas.events.rule_changed import RuleChanged
from schemas.events.stage_snapshot import StageSnapshot
from schemas.kafka import ensure_topics
from schemas.partition import partition_of
from schemas.rule_document import parse_rule
from schemas.settings import KafkaSettings, RegistrySettings, Settings, WorkerSettings
from schemas.topics import (
    ALERTS,
    FIRINGS,
    NODE_STATES,
    NODES,
    NOTIFICATIONS,
    OBSERVATIONS,
    PANES,
    REQUESTS,
    SNAPSHOTS,
    SUMMARIES,
    TELEMETRY,
    TOPICS,
    Topic,
)
from tests.chaos.verify import Record, codec_of, read
from tests.fixtures.ports import free_port
from tests.processors.faust.cluster import sender

pytestmark = [pytest.mark.integration, pytest.mark.asyncio]

PARTITIONS = 2
SOURCES = (TELEMETRY, REQUESTS, PANES, SUMMARIES)
DERIVED = (NODE_STATES, PANES, OBSERVATIONS, SUMMARIES, ALERTS, FIRINGS, NOTIFICATIONS)
RULES = (
    {"id": "swapping", "source": "observations", "select": {"patterns": ["swap_io_pressure"]}},
    {"id": "full", "source": "node-states", "when": {"field": "memory_used_ratio", "op": ">", "value": 0.9}},
    {
        "id": "slow",
        "source": "requests",
        "when": {"field": "ttft_p95_ms", "op": ">", "value": 1, "window_s": 600},
    },
    {"id": "any-alert", "source": "alerts"},
)
# Topic, partition, key, event.
Sent = tuple[Topic, int, str | None, Event]
SCENARIO = """
about: A program makes one of three nodes swap, and another has a hung engine.
seed: 5
starts_at: {starts_at}
duration: 16m
nodes:
  - name: node-[1-3]
    chip: rtx-4090
    gpus: 1
    cpu: ryzen-7950x
    memory: 64GB
    swap: 64GB
    runtimes:
      - kind: llamacpp
        port: 8080
        slots: 4
        models: [{name: llama-3.1-8b, quantization: q4_k_m, context: 8192}]
arrivals:
  - name: chat
    model: llama-3.1-8b
    process: {poisson: 0.5/s}
    prompt_tokens: {constant: 300}
    output_tokens: {constant: 80}
faults:
  - {kind: swap_storm, node: node-1, at: 2m, for: 6m, memory: 80GB, touches: 60MB/s}
  - {kind: engine_hang, node: node-2, at: 4m, for: 5m}
"""


@pytest.fixture
def settings(kafka_settings: KafkaSettings, registry_url: str) -> Settings:
    return Settings(
        kafka=kafka_settings.model_copy(update={"partitions": PARTITIONS}),
        registry=RegistrySettings(url=registry_url),
        worker=WorkerSettings(session_timeout_s=6.0),
    )


def worker(settings: Settings, log: Path) -> subprocess.Popen[bytes]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PENSTOCK_")}
    environment |= {
        "PENSTOCK_KAFKA__BOOTSTRAP_SERVERS": settings.kafka.bootstrap_servers,
        "PENSTOCK_KAFKA__TOPIC_PREFIX": settings.kafka.topic_prefix,
        "PENSTOCK_KAFKA__PARTITIONS": str(PARTITIONS),
        "PENSTOCK_REGISTRY__URL": settings.registry.url,
        "PENSTOCK_WORKER__METRICS_PORT": str(free_port()),
        "PENSTOCK_WORKER__SESSION_TIMEOUT_S": "6",
        "PENSTOCK_DATA_DIR": str(log.parent / "data"),
    }
    with log.open("ab") as output:
        command = [sys.executable, "-m", "infra.cli.main", "worker"]
        return subprocess.Popen(command, env=environment, stdout=output, stderr=output)


def rules() -> Iterator[Sent]:
    """Rules as the API writes them: to every partition. Log time is too short here for a cooldown."""
    for document in RULES:
        rule = parse_rule({**document, "notify": {"channels": ["ops"], "cooldown_s": 0}})
        event = RuleChanged(rule.id, 1, rule.id, 1, False, "ada", rule.canonical())
        for partition in range(PARTITIONS):
            yield TELEMETRY, partition, None, event


def facts() -> Iterator[Sent]:
    """What agents, a router and the clock send, in the order in which it arrives."""
    yield from rules()
    # It ends now: the node stage refuses samples that are much older than their arrival.
    starts_at = datetime.now(UTC) - timedelta(minutes=17)
    text = SCENARIO.replace("{starts_at}", starts_at.strftime("%Y-%m-%dT%H:%M:%SZ"))
    for fact in simulate(read_text(text, "topology.yaml")):
        if isinstance(fact.event, ClockTick):
            for partition in range(PARTITIONS):
                yield fact.topic, partition, None, fact.event
        elif fact.topic is not NODES:
            yield fact.topic, partition_of(fact.key or "", PARTITIONS), fact.key, fact.event


async def send(
    settings: Settings, codec: Codec, sent: Sequence[tuple[Topic, int, str | None, Event]]
) -> None:
    async with sender(settings.kafka) as producer:
        waiting = []
        for topic, partition, key, event in sent:
            name, raw = topic.full_name(settings.kafka), None if key is None else key.encode()
            waiting.append(await producer.send(name, codec.encode(event), raw, partition=partition))
        await asyncio.gather(*waiting)


def again(stage: Stage[Any], records: Sequence[Record], codec: Codec) -> Iterator[tuple[str, bytes]]:
    """Fold one stage's source anew, partition by partition: (topic, value) of all that it says."""
    for partition in sorted({record.partition for record in records}):
        states: dict[str, Any] = {}
        for record in records:
            if record.partition == partition:
                arrived = Arrived(codec.decode(record.value), record.arrived_at, partition)
                for out in advance(states, stage, arrived):
                    if isinstance(out, Output):
                        yield out.topic.name, codec.encode(out.event)


async def all_topics(settings: Settings) -> dict[str, list[Record]]:
    return {topic.name: await read(settings, topic) for topic in (*SOURCES, *DERIVED)}


async def settled(settings: Settings, codec: Codec) -> dict[str, list[Record]]:
    """Wait until the stages have said all that their sources say."""
    seen = 0
    async with asyncio.timeout(120):
        while True:
            records = await all_topics(settings)
            before, seen = seen, sum(map(len, records.values()))
            if seen != before:
                await asyncio.sleep(2)
                continue
            if complete(records, codec):
                return records
            await asyncio.sleep(1)


def complete(records: dict[str, list[Record]], codec: Codec) -> bool:
    """Whether every topic has what the stages say of their sources as they are, and nothing else."""
    wanted: dict[str, list[bytes]] = {topic.name: [] for topic in (*DERIVED, TELEMETRY)}
    for stage in all_stages(Settings()):
        for topic, value in again(stage, records[stage.source.name], codec):
            wanted[topic].append(value)
    for topic, values in wanted.items():
        live = [record.value for record in records[topic]]
        if topic == TELEMETRY.name:
            live = [value for value in live if isinstance(codec.decode(value), NodeHint)]
        assert len(live) <= len(values), f"{topic} has something more than once"
        if sorted(live) != sorted(values):
            return False
    return True


async def test_live_is_what_the_log_says_again_through_a_kill(settings: Settings, tmp_path: Path) -> None:
    await ensure_topics(settings.kafka, TOPICS)
    codec = await codec_of(settings)
    sent = list(facts())
    # Here an hour passes in seconds. Requests join judgements when they are twenty seconds old by the nodes'
    # time, which only holds at the pace of life: they come when the nodes have been judged.
    telemetry = [one for one in sent if one[0] is TELEMETRY]
    half = len(telemetry) // 2
    first = worker(settings, tmp_path / "first.log")
    try:
        await send(settings, codec, telemetry[:half])
        async with asyncio.timeout(60):
            while not await read(settings, OBSERVATIONS):
                await asyncio.sleep(0.2)
    finally:
        first.kill()
        first.wait()
    second = worker(settings, tmp_path / "second.log")
    try:
        await send(settings, codec, telemetry[half:])
        await settled(settings, codec)
        await send(settings, codec, [one for one in sent if one[0] is REQUESTS])
        await settled(settings, codec)
        # Windows of requests are judged as log time passes.
        ticks = [one for one in sent if isinstance(one[3], ClockTick) and one[0] is TELEMETRY]
        await send(settings, codec, ticks[-PARTITIONS:])
        records = await settled(settings, codec)
    finally:
        second.terminate()
        second.wait(30)
    observed = [codec.decode(record.value) for record in records[OBSERVATIONS.name]]
    patterns = {each.pattern for each in observed if isinstance(each, ObservationOpened)}
    assert "swap_io_pressure" in patterns
    ended = {each.pattern for each in observed if isinstance(each, ObservationResolved)}
    assert "swap_io_pressure" in ended
    told = notified(codec.decode(record.value) for record in records[NOTIFICATIONS.name])
    assert {rule for rule, _ in told} >= {"swapping", "full", "slow"}
    assert {kind for _, kind in told} >= {"opened", "resolved"}
    chain, said = chained(records, codec)
    assert sorted(codec.encode(event) for event in said if compared(event)) == judged(records, codec)
    assert chain.refused == []
    kept = [codec.decode(record.value) for record in await read(settings, SNAPSHOTS)]
    assert not_true([each for each in kept if isinstance(each, StageSnapshot)], records, codec) == []


def not_true(
    kept: Sequence[StageSnapshot], records: dict[str, list[Record]], codec: Codec
) -> list[StageSnapshot]:
    """What snapshots say otherwise than their source, folded until where they stand."""
    stages = all_stages(Settings())
    assert {each.stage for each in kept} == {stage.name for stage in stages}
    due = {(each.stage, each.source_partition, each.stands_at, each.key): each for each in kept}
    for stage in stages:
        states = defaultdict[int, dict[str, Any]](dict)
        for record in records[stage.source.name]:
            memory = states[record.partition]
            advance(memory, stage, Arrived(codec.decode(record.value), record.arrived_at, record.partition))
            for key in sorted(memory):
                place = (stage.name, record.partition, record.offset, key)
                if place in due and zstandard.decompress(due[place].state) == stage.encode(memory[key]):
                    del due[place]
    return list(due.values())


def chained(records: dict[str, list[Record]], codec: Codec) -> tuple[Chain, list[Event]]:
    """What all stages say of the facts alone, from one process, in the order of arrival."""
    chain = Chain(all_stages(Settings()), PARTITIONS, recorded=(TELEMETRY,))
    given = [
        (record.arrived_at, topic.name, record.partition, record.offset, topic, record)
        for topic in (REQUESTS, TELEMETRY)
        for record in records[topic.name]
    ]
    said: list[Event] = []
    for *_, topic, record in sorted(given, key=lambda one: one[:4]):
        key = None if record.key is None else record.key.decode()
        fed = Fed(topic, record.partition, key, codec.decode(record.value), record.arrived_at)
        said += [out.event for out in chain.feed(fed)]
    return chain, said


def notified(events: Iterable[Event]) -> list[tuple[str, str]]:
    """Return the rule and the kind of every notification."""
    return sorted((one.rule_id, one.kind) for one in events if isinstance(one, NotificationDue))


def judged(records: dict[str, list[Record]], codec: Codec) -> list[bytes]:
    """The same as it was said live."""
    live = [record.value for topic in DERIVED for record in records[topic.name]]
    return sorted(value for value in live if compared(codec.decode(value)))


def compared(event: Event) -> bool:
    """Leave out what only passes time on: its times are those of the log."""
    kinds = NodePane | RequestPane | Observation | Alert | ConditionChanged | NotificationDue
    return isinstance(event, kinds)
