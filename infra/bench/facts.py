"""What facts of requests cost, and what an outage of Kafka costs them.

Requests are handed to the router's recorder as its serving path does, five moments each, at a steady rate;
the way from there to Kafka is the router's own. Kafka is killed for a minute and started again. Then all
facts are read back and counted.
"""

import asyncio
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import uvloop
from aiokafka import AIOKafkaConsumer, TopicPartition

from api.router.ask import Ask, Caller, Dialect, Task
from api.router.lifecycle.recorder import FactRecorder
from api.router.lifecycle.run import told
from api.router.metrics import RouterMetrics
from api.router.outcome import Outcome
from api.router.recorder import CountingRecorder
from api.router.request import new_id
from api.router.seams import Admitted, Choice, Finish, Recorder, Upstream, Usage
from infra.bench.stack import apart, penstock
from infra.bench.table import Table
from producers.connector import quiet_client
from schemas.events.request_finished import RequestFinished
from schemas.events.request_received import RequestReceived
from schemas.kafka import connection
from schemas.registry import Registry
from schemas.settings import Settings, load_settings
from schemas.topics import REQUESTS

RATE = 1000
BEFORE_S, AWAY_S, AFTER_S = 10.0, 60.0, 10.0
_TICK_S = 0.02
_CATCH_UP_S = 300.0
_CHOICE = Choice(Upstream("a", "node-a", "http://127.0.0.1:8000", "vllm"), "m", "m", 0.5, "least busy")
_CALLER = Caller("3fa2b1c09d4e", "team")


@dataclass(slots=True)
class Phase:
    """A part of the run.

    ``cpu_us`` is a request's share of CPU in this process, microseconds; ``apart_us`` of the process that
    tells the facts.
    """

    name: str
    seconds: float
    requests: int = 0
    cpu_us: float = 0.0
    apart_us: float = 0.0
    most_on_disk: float = 0.0


@dataclass(slots=True)
class Found:
    """What came of a run."""

    phases: list[Phase]
    ids: set[str] = field(default_factory=set)
    catch_up_s: float = 0.0
    facts: int = 0
    received: Counter[str] = field(default_factory=Counter)
    finished: Counter[str] = field(default_factory=Counter)


def run() -> Table:
    """Measure with Kafka there, away, and there again."""
    phases = {"Kafka is there": BEFORE_S, "Kafka is away": AWAY_S, "Kafka is back": AFTER_S}
    found = Found([Phase(name, seconds) for name, seconds in phases.items()])
    quiet_client("error")
    with _servers() as (settings, environment, kafka):
        uvloop.run(_measure(settings, environment, kafka, found))
    return table(found)


def table(found: Found) -> Table:
    """Return what was found."""
    lost = len(found.ids - found.finished.keys()) + len(found.ids - found.received.keys())
    rows = [
        (
            phase.name,
            phase.seconds,
            phase.requests,
            round(phase.cpu_us),
            round(phase.apart_us),
            round(phase.most_on_disk),
        )
        for phase in found.phases
    ]
    return Table(
        "Facts of requests",
        (
            "phase",
            "seconds",
            "requests",
            "CPU of a request's five facts in the router, µs",
            "in the process that tells them, µs",
            "most facts on disk",
        ),
        rows,
        f"{RATE} requests/s, five facts each, from the recorder to Kafka, journal and spool included; CPU in "
        "the router is that of the whole process, less that of a recorder that only counts. "
        f"Kafka had all facts {found.catch_up_s:.1f} s after the last request. {len(found.ids)} requests, "
        f"{found.facts} facts: {lost} missing, "
        f"{sum(count - 1 for count in found.finished.values())} ends that arrived twice.",
    )


@contextmanager
def _servers() -> Iterator[tuple[Settings, Mapping[str, str], ExitStack]]:
    """Run Kafka and a registry; closing the inner stack ends Kafka."""
    with ExitStack() as running:
        folder = running.enter_context(
            tempfile.TemporaryDirectory(prefix="penstock-bench-", ignore_cleanup_errors=True)
        )
        environment = apart(Path(folder))
        settings = load_settings(environment)
        running.enter_context(penstock(["registry"], environment))
        kafka = running.enter_context(ExitStack())
        kafka.enter_context(penstock(["kafka"], environment))
        yield settings, environment, kafka


async def _measure(
    settings: Settings, environment: Mapping[str, str], kafka: ExitStack, found: Found
) -> None:
    metrics = RouterMetrics()
    async with told(settings, CountingRecorder(metrics), metrics.registry) as recorder:
        value = metrics.registry.get_sample_value
        await _until(lambda: value("penstock_router_facts_connected") == 1)
        counting = CountingRecorder(RouterMetrics())
        idle_us = await _cpu_us(lambda: _request(counting), RATE, 3.0)
        before, away, after = found.phases
        await _phase(recorder, before, found, metrics, idle_us)
        await asyncio.to_thread(kafka.close)
        await _phase(recorder, away, found, metrics, idle_us)
        kafka.enter_context(penstock(["kafka"], environment))
        await _phase(recorder, after, found, metrics, idle_us)
        began = time.monotonic()
        await _until(lambda: _waiting(metrics) == 0)
        found.catch_up_s = time.monotonic() - began
    await _count(settings, found)


async def _phase(
    recorder: FactRecorder, phase: Phase, found: Found, metrics: RouterMetrics, idle_us: float
) -> None:
    def ask() -> None:
        found.ids.add(_request(recorder))
        phase.requests += 1

    watch = asyncio.create_task(_watch(phase, metrics))
    teller = _teller()
    before = sum(teller.cpu_times()[:2])
    phase.cpu_us = await _cpu_us(ask, RATE, phase.seconds) - idle_us
    phase.apart_us = (sum(teller.cpu_times()[:2]) - before) / max(1, phase.requests) * 1e6
    watch.cancel()


def _teller() -> psutil.Process:
    """Return the process that tells the facts."""
    return next(
        child for child in psutil.Process().children() if "api.router.lifecycle.teller" in child.cmdline()
    )


async def _watch(phase: Phase, metrics: RouterMetrics) -> None:
    while True:
        on_disk = metrics.registry.get_sample_value("penstock_router_facts_waiting", {"place": "disk"})
        phase.most_on_disk = max(phase.most_on_disk, on_disk or 0.0)
        await asyncio.sleep(0.5)


def _request(recorder: Recorder) -> str:
    now_s = time.monotonic()
    ask = Ask(
        new_id(), Dialect.OPENAI, Task.CHAT, "/v1/chat/completions", "m", stream=True, caller=_CALLER,
        received_s=now_s, workload="bench", session="one", tags={"team": "search"}, prompt_tokens=400,
    )  # fmt: skip
    recorder.received(ask)
    recorder.admitted(ask, Admitted(0.0, "none", "", 0))
    recorder.routed(ask, 1, _CHOICE)
    recorder.first_token(ask, "content")
    usage = Usage(400, 100, 0, None)
    recorder.finished(ask, Finish(Outcome.COMPLETED, 200, 1, _CHOICE, usage, "stop", "m", now_s))
    return ask.request_id


async def _cpu_us(work: object, rate: int, seconds: float) -> float:
    """Call ``work`` at a rate, and return the CPU of this process for one call, microseconds."""
    assert callable(work)
    began, cpu, done = time.monotonic(), time.process_time(), 0
    while (passed := time.monotonic() - began) < seconds:
        for _ in range(int(passed * rate) - done):
            work()
            done += 1
        await asyncio.sleep(_TICK_S)
    return (time.process_time() - cpu) / max(1, done) * 1e6


def _waiting(metrics: RouterMetrics) -> float:
    value = metrics.registry.get_sample_value
    places = ("ring", "memory", "disk")
    return sum(value("penstock_router_facts_waiting", {"place": place}) or 0.0 for place in places)


async def _until(condition: object) -> None:
    assert callable(condition)
    async with asyncio.timeout(_CATCH_UP_S):
        while not condition():
            await asyncio.sleep(0.05)


async def _count(settings: Settings, found: Found) -> None:
    """Read every fact back."""
    registry = Registry(settings.registry)
    codec = await registry.codec_when_up(REQUESTS.events)
    await registry.close()
    name = REQUESTS.full_name(settings.kafka)
    consumer = AIOKafkaConsumer(name, **connection(settings.kafka), auto_offset_reset="earliest")
    await consumer.start()
    try:
        places = [TopicPartition(name, number) for number in consumer.partitions_for_topic(name) or ()]
        ends = await consumer.end_offsets(places)
        while any([await consumer.position(place) < ends[place] for place in places]):
            for records in (await consumer.getmany(timeout_ms=200)).values():
                _count_all([codec.decode(record.value) for record in records], found)
    finally:
        await consumer.stop()


def _count_all(events: Sequence[object], found: Found) -> None:
    for event in events:
        found.facts += 1
        if isinstance(event, RequestReceived):
            found.received[event.request_id] += 1
        elif isinstance(event, RequestFinished):
            found.finished[event.request_id] += 1
