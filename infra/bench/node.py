"""The node agent as a process: CPU, memory, lateness and sample size, usually and while collectors hang."""

import asyncio
import math
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from aiokafka import AIOKafkaConsumer

from infra.bench import fake_nvml
from infra.bench.runtimes import Standins, standins
from infra.bench.stack import apart, penstock, servers, wait_until
from infra.bench.table import Table
from schemas.codec import Codec
from schemas.codec.serde import encode_body
from schemas.errors import UnavailableError
from schemas.events.node_sample import NodeSample
from schemas.kafka import connection
from schemas.registry import Registry
from schemas.settings import Settings
from schemas.topics import TELEMETRY

GPUS = 8
WARM_UP_S = 15.0
# Longer than the time after which a hanging call counts as timed out.
HANGING_S = 10.0
MEASURED_S = 60.0
MB = 1e6
READ_S = 30.0


@dataclass(frozen=True, slots=True)
class Measured:
    """A minute of the agent; ``began`` and ``ended`` in µs since the epoch, as samples have them."""

    how: str
    began: int
    ended: int
    cpu_ratio: float
    rss_bytes: int


@dataclass(frozen=True, slots=True)
class Sent:
    """A sample in Kafka and its size there, uncompressed."""

    sample: NodeSample
    size_bytes: int


def run() -> Table:
    """Measure one agent for a minute, make a call of NVML and one of the runtimes hang, and measure again.

    Raises:
        UnavailableError: there is no C compiler to make the stand-in for NVML, or the agent does not see it.
    """
    if fake_nvml.compiler() is None:
        raise UnavailableError("no C compiler (cc, gcc or clang), which makes the stand-in for NVML")
    with servers() as settings, standins() as runtimes, _library() as library:
        environment = _environment(settings, runtimes, library)
        with penstock(["node"], environment) as agent:
            phases = _phases(psutil.Process(agent.pid), runtimes, library)
        sent = asyncio.run(_sent(settings))
    return table(phases, sent)


def _environment(settings: Settings, runtimes: Standins, library: Path) -> Mapping[str, str]:
    urls = runtimes.urls
    return {
        **apart(settings.data_dir),
        **fake_nvml.environment(library, GPUS),
        "PENSTOCK_KAFKA__BOOTSTRAP_SERVERS": settings.kafka.bootstrap_servers,
        "PENSTOCK_REGISTRY__URL": settings.registry.url,
        "PENSTOCK_NODE__OLLAMA_URL": urls["ollama"],
        "PENSTOCK_NODE__RUNTIMES": f"vllm={urls['vllm']},llamacpp={urls['llamacpp']}",
    }


@contextmanager
def _library() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="penstock-bench-nvml-") as folder:
        yield fake_nvml.build(Path(folder))


def _phases(agent: psutil.Process, runtimes: Standins, library: Path) -> Sequence[Measured]:
    wait_until(lambda: bool(agent.net_connections()), "the agent")
    time.sleep(WARM_UP_S)
    usual = _measured("usual", agent)
    runtimes.hang()
    fake_nvml.hang(library)
    time.sleep(HANGING_S)
    return usual, _measured("NVML and vLLM hang", agent)


def _measured(how: str, agent: psutil.Process) -> Measured:
    began, began_s, before_s = _now(), time.monotonic(), _cpu_s(agent)
    time.sleep(MEASURED_S)
    share = (_cpu_s(agent) - before_s) / (time.monotonic() - began_s)
    return Measured(how, began, _now(), share, agent.memory_info().rss)


def _now() -> int:
    return time.time_ns() // 1000


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


async def _sent(settings: Settings) -> Sequence[Sent]:
    registry = Registry(settings.registry)
    codec = await registry.codec_when_up()
    await registry.close()
    consumer = AIOKafkaConsumer(
        TELEMETRY.full_name(settings.kafka),
        **connection(settings.kafka),
        group_id=None,
        auto_offset_reset="earliest",
    )
    await consumer.start()
    try:
        async with asyncio.timeout(READ_S):
            return await _all(consumer, codec)
    finally:
        await consumer.stop()


async def _all(consumer: AIOKafkaConsumer, codec: Codec) -> Sequence[Sent]:
    found: list[Sent] = []
    for partition, end in (await consumer.end_offsets(consumer.assignment())).items():
        while await consumer.position(partition) < end:
            for record in (await consumer.getmany(partition, timeout_ms=1000)).get(partition, ()):
                event = codec.decode(record.value)
                if isinstance(event, NodeSample):
                    found.append(Sent(event, len(record.value)))
    return sorted(found, key=lambda each: each.sample.seq)


def table(phases: Sequence[Measured], sent: Sequence[Sent]) -> Table:
    """Return a row for each phase, of the samples taken in it.

    Raises:
        UnavailableError: the agent did not see the GPUs, so this is not what was to be measured.
    """
    seen = [each for each in sent if len(each.sample.gpus) == GPUS]
    if not seen:
        raise UnavailableError(f"no sample has the {GPUS} GPUs of the stand-in")
    return Table(
        "The node agent",
        (
            *("", "CPU, % of a core", "resident, MB", "samples", "lateness p50, ms", "lateness p99, ms"),
            *("sample, bytes: median", "largest", "median without runtimes"),
        ),
        [_row(phase, seen) for phase in phases],
        f"One sample a second, {MEASURED_S:.0f} s each; {GPUS} GPUs by a stand-in for NVML, three runtimes by"
        f" stand-ins. The first sample with all GPUs has {seen[0].size_bytes} bytes.",
    )


def _row(phase: Measured, sent: Sequence[Sent]) -> Sequence[object]:
    mine = [each for each in sent if phase.began <= each.sample.occurred_at < phase.ended]
    late_ms = sorted(1000 * each.sample.agent.lateness_s for each in mine)
    sizes = [each.size_bytes for each in mine]
    bare = [len(encode_body(each.sample._replace(runtimes=()))) for each in mine]
    return (
        *(phase.how, round(100 * phase.cpu_ratio, 2), round(phase.rss_bytes / MB, 1), len(mine)),
        *(round(_rank(late_ms, 0.5), 2), round(_rank(late_ms, 0.99), 2)),
        *(round(statistics.median(sizes)), max(sizes), round(statistics.median(bare))),
    )


def _rank(ordered: Sequence[float], share: float) -> float:
    """Return the smallest value that so many are not above."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
