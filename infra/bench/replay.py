"""A replay of twelve nodes from a log file, ``event_log`` and a capsule, beside the same facts live.

The same two hours each time. The capsule is verified, which reads it through and then replays the stages that
it is of. Live, at full speed: a worker reads the facts from Kafka, where they were sent beforehand, until it
has committed what follows from all of them. Memory is the resident memory of all processes of the replay
together, at its highest, what they share counted in each.
"""

import asyncio
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import psutil

from infra.bench.backlog import live_s, stored
from infra.bench.stack import servers
from infra.bench.table import Table
from infra.capsule.asked import Options, wish
from infra.capsule.texts import texts_of
from infra.compile import compiled
from infra.score.schema_ids import schema_ids
from processors.replay.capsule.create import create
from processors.replay.capsule.verify import verify
from processors.replay.facts import chosen
from processors.replay.plan import Opener
from processors.replay.prepare import Asked, prepare
from processors.replay.replay import Replay
from processors.replay.sources.event_log import EventLogSource
from processors.replay.sources.log_file import LogFileSource
from processors.stage import Stage
from processors.topology import all_stages
from producers.simulator.engine import simulate
from producers.simulator.log import log_file
from producers.simulator.scenario.read import read_text
from schemas.settings import Settings
from schemas.topics import REQUESTS, TELEMETRY

HOURS = 2
JOBS = 2
PARTITIONS = 4
COLUMNS = ("way", "processes", "facts", "seconds", "x real time", "facts/s", "memory, MB")
SCENARIO = f"""
about: Twelve nodes at work for two hours.
seed: 12
starts_at: {{starts_at}}
duration: {HOURS}h
nodes:
  - name: lab-[01-08]
    chip: rtx-4090
    gpus: 1
    cpu: ryzen-7950x
    memory: 64GB
    runtimes:
      - kind: llamacpp
        port: 8080
        slots: 4
        models: [{{name: llama-3.1-8b, quantization: q4_k_m, context: 8192}}]
  - name: big-[1-4]
    chip: h100-sxm
    gpus: 2
    cpu: 2x-xeon-8480c
    memory: 1TB
    runtimes:
      - kind: vllm
        port: 8000
        slots: 128
        models: [{{name: llama-3.3-70b, quantization: fp8, context: 32768}}]
arrivals:
  - name: chat
    model: llama-3.1-8b
    process: {{poisson: 20/m}}
    prompt_tokens: {{constant: 400}}
    output_tokens: {{constant: 150}}
  - name: assistants
    model: llama-3.3-70b
    process: {{poisson: 20/m}}
    prompt_tokens: {{constant: 900}}
    output_tokens: {{constant: 250}}
"""


class Row(NamedTuple):
    """One way: wall-clock seconds, and memory in bytes."""

    way: str
    processes: int
    facts: int
    took_s: float
    memory: int


def run() -> Table:
    """Measure on servers of its own."""
    with TemporaryDirectory(prefix="penstock-bench-") as folder, servers() as settings:
        settings = settings.model_copy(
            update={"kafka": settings.kafka.model_copy(update={"partitions": PARTITIONS})}
        )
        path = Path(folder) / "facts.log.avro"
        simulated(path)
        asyncio.run(stored(settings, path))
        digests, rows = set[str](), []
        ways: Sequence[tuple[str, Opener, int]] = (
            ("log file", partial(LogFileSource, path), 1),
            ("log file", partial(LogFileSource, path), JOBS),
            ("event_log", partial(EventLogSource, settings), JOBS),
        )
        for way, open_source, jobs in ways:
            row, digest = _replayed(way, open_source, jobs)
            rows.append(row)
            digests.add(digest)
        rows.append(_capsule(path, Path(folder) / "bench.capsule", settings))
        if len(digests) != 1:
            raise RuntimeError("the same facts gave different digests: the measurement says nothing")
        count = sum(span.records for span in LogFileSource(path).holds((TELEMETRY, REQUESTS)).values())
        rows.append(Row("live, from Kafka", 1, count, live_s(settings, path), 0))
    return Table("Replay of twelve nodes", COLUMNS, [_cells(row) for row in rows], _note())


def simulated(path: Path) -> None:
    """Write the facts, of the last hours: event_log keeps nothing that is months old."""
    starts_at = datetime.now(UTC) - timedelta(hours=HOURS + 1)
    text = SCENARIO.replace("{starts_at}", starts_at.strftime("%Y-%m-%dT%H:%M:%SZ"))
    with log_file(path, schema_ids(), partitions=PARTITIONS, about={}) as writer:
        for fact in simulate(read_text(text, "replay.yaml")):
            # Kafka's times, and so those of event_log, are milliseconds.
            writer.write(fact._replace(arrived_at=fact.arrived_at // 1000 * 1000))


def _cells(row: Row) -> Sequence[object]:
    speed, rate = HOURS * 3600 / row.took_s, row.facts / row.took_s
    memory = round(row.memory / 1e6) if row.memory else "-"
    return (
        row.way,
        row.processes,
        f"{row.facts:,}",
        f"{row.took_s:.1f}",
        f"{speed:,.0f}",
        f"{rate:,.0f}",
        memory,
    )


def _note() -> str:
    how = "compiled" if compiled() else "interpreted"
    return (
        f"Twelve nodes, sixteen accelerators, {HOURS} hours at 1 Hz, 40 requests a minute, "
        "spread evenly over four partitions; all nine stages with the digest, of the "
        "capsule the four it is of; starting is included; "
        f"the node stage is {how}. Live: one worker at full speed with "
        "its transactions; Kafka's own CPU is beside it on the same cores."
    )


def stages() -> tuple[Stage[object], ...]:
    """Return what is replayed."""
    return chosen(all_stages(Settings()), ())


def _replayed(way: str, open_source: Opener, jobs: int) -> tuple[Row, str]:
    began_s = time.perf_counter()
    with _memory() as highest:
        plan = prepare(open_source(), stages(), Asked(partitions=PARTITIONS)).plan
        outcome = Replay(open_source, stages, plan, jobs).run()
    took_s = time.perf_counter() - began_s
    return Row(way, jobs, outcome.facts, took_s, highest()), outcome.digest.total()


def _capsule(log: Path, target: Path, settings: Settings) -> Row:
    """Put the facts into a capsule, and measure how long it takes to verify it."""
    first_at = LogFileSource(log).holds([TELEMETRY])[TELEMETRY.name].first_at
    wanted = Options(begins=datetime.fromtimestamp(first_at / 1e6, UTC).isoformat(), ends="now")
    open_source = partial(LogFileSource, log)
    create(
        open_source(),
        texts_of(str(log), settings),
        wish(open_source, open_source(), settings, wanted),
        target,
    )
    began_s = time.perf_counter()
    with _memory() as highest:
        found = verify(target, jobs=JOBS)
    took_s = time.perf_counter() - began_s
    if not found.equal:
        raise RuntimeError("the capsule does not replay to what it says: the measurement says nothing")
    return Row("capsule, verified", JOBS, found.outcome.facts, took_s, highest())


@contextmanager
def _memory() -> Iterator[Callable[[], int]]:
    """Watch the resident memory of this process and those it starts; return what tells the highest."""
    over, found = threading.Event(), [0]

    def watch() -> None:
        root = psutil.Process(os.getpid())
        while not over.wait(0.2):
            found[0] = max(found[0], sum(_resident(one) for one in [root, *root.children(recursive=True)]))

    thread = threading.Thread(target=watch, daemon=True)
    servers_ = sum(_resident(one) for one in psutil.Process().children(recursive=True))
    thread.start()
    try:
        yield lambda: found[0] - servers_
    finally:
        over.set()
        thread.join()


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0
