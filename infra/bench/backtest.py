"""A month of twelve nodes, tried by two sets of rules, from ClickHouse: one pattern, several, alerts.

An hour of a simulated fleet is put in twenty-four times, with its times moved, and that day is repeated in
the tables until it is a month. What is read from bytes, and alerts, are measured on the first day.
"""

import time
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple
from uuid import uuid4

import httpx
import psutil
import typer

from infra.bench.recording import put
from infra.bench.stack import servers
from infra.bench.table import Table
from processors.chain import Chain, Record
from processors.patterns.rules import Rules
from processors.replay.backtest.answer import Question, Ruled
from processors.replay.backtest.asked import EVERY, Asked, asked
from processors.replay.backtest.needs import needs
from processors.replay.backtest.quickest import of_clickhouse
from processors.replay.backtest.run import run as answered
from processors.topology import all_stages
from producers.simulator.engine import simulate
from producers.simulator.scenario.read import read_text
from schemas.partition import partition_of
from schemas.settings import Settings
from schemas.topics import ALERTS, OBSERVATIONS, PANES, SUMMARIES

HOUR_US = 3600 * 1_000_000
DAYS = 30
JOBS = 2
PARTITIONS = 4
KEPT = {PANES.name, SUMMARIES.name, OBSERVATIONS.name, ALERTS.name}
TABLES = ("node_panes", "gpu_panes", "runtime_panes", "model_panes", "gpu_health_panes", "suspect_panes")
MOVED = ("occurred_at", "started_at", "last_arrived_at", "passed_at", "onset_at", "window_started_at")
TIMES = ("occurred_at", "started_at", "arrived_at", "last_arrived_at")
COLUMNS = ("judged", "range", "panes", "took, s", "x real time", "CPU of ours, µs/pane", "peak memory, MB")
NOTE = (
    "Twelve nodes of one RTX 4090 each that serve; two sets of rules at once, two processes, on the machine "
    "that also runs ClickHouse. Warm: a first run is not counted."
)
SCENARIO = """
about: A fleet at work, for the cost of a backtest.
seed: 9
starts_at: "2026-01-12T08:00:00Z"
duration: 60m
interval: 2s
nodes:
  - name: "node-[01-12]"
    chip: rtx-4090
    gpus: 1
    cpu: ryzen-7950x
    memory: 64GB
    runtimes:
      - kind: llamacpp
        port: 8080
        slots: 4
        models: [{name: llama-3.1-8b, quantization: q4_k_m, context: 8192}]
arrivals:
  - {name: chat, model: llama-3.1-8b, process: {poisson: 4/s}, prompt_tokens: {constant: 300},
     output_tokens: {constant: 120}}
"""
NEW = Rules(
    patterns={id_: {"clear_s": 90.0} for id_ in EVERY.patterns},
    alerts={id_: {"clear_s": 90.0} for id_ in EVERY.alerts},
    digest="new",
)


class Case(NamedTuple):
    """What is judged, over how many days."""

    name: str
    asked: Asked
    days: float


CASES = (
    Case("thermal_drain", asked(["thermal_drain"], []), DAYS),
    Case("hot_memory", asked(["hot_memory"], []), DAYS),
    Case("swap_io_pressure", asked(["swap_io_pressure"], []), DAYS),
    Case("power_jitter", asked(["power_jitter"], []), DAYS),
    Case("four patterns of serving", asked(
        ["kv_thrash", "vllm_kv_cache_saturation", "vllm_queue_saturation", "wes_velocity_drop"], []), DAYS),
    Case("every pattern that reads no requests", asked(
        [id_ for id_ in EVERY.patterns if "requests" not in needs([id_])], []), 3),
    Case("ttft_regression, from bytes", asked(["ttft_regression"], []), 1),
    Case("alert thermal_redline", asked([], ["thermal_redline"]), 1),
)  # fmt: skip


def run() -> Table:
    """Measure on servers of its own."""
    with servers() as settings:
        settings = _apart(settings)
        first = _fill(settings)
        _measured(settings, CASES[0]._replace(days=1), first)
        return Table("Backtest", COLUMNS, [_told(_measured(settings, case, first)) for case in CASES], NOTE)


def _told(row: tuple[object, ...]) -> tuple[object, ...]:
    """Tell a row at once: all of them together take minutes."""
    typer.echo("  ".join(map(str, row)), err=True)
    return row


def _apart(settings: Settings) -> Settings:
    """Return settings with a database of its own, in which January is not too old."""
    store = settings.clickhouse.model_copy(
        update={"database": f"bench{uuid4().hex[:8]}", "event_log_ttl_days": 9999, "panes_ttl_days": 9999}
    )
    return settings.model_copy(update={"clickhouse": store})


def _fill(settings: Settings) -> int:
    """Make the month; return when its first pane arrived, µs."""
    hour = [one for one in _hour() if one.topic.name in KEPT]
    put(settings, (_later(one, n * HOUR_US) for n in range(24) for one in hour))
    for table in TABLES:
        times = TIMES if table == "node_panes" else TIMES[:-1]
        moved = ", ".join(f"{name} + toIntervalDay(n) AS {name}" for name in times)
        _repeat(settings, table, f"{moved}, offset + n * 10000000 AS offset")
    # The bytes of a month of panes would be ten gigabytes, and say the first day's times: there are none.
    value = "if(topic LIKE '%panes', '', value) AS value"
    moved = f"arrived_at + toIntervalDay(n) AS arrived_at, offset + n * 10000000 AS offset, {value}"
    _repeat(settings, "event_log", moved)
    return min(one.arrived_at for one in hour if one.topic is PANES)


def _later(record: Record, by_us: int) -> Record:
    """Return a record so much later, in all its times."""
    event = record.event
    moved = {name: getattr(event, name) + by_us for name in MOVED if getattr(event, name, 0)}
    return record._replace(event=event._replace(**moved), arrived_at=record.arrived_at + by_us)


def _repeat(settings: Settings, table: str, moved: str) -> None:
    store = settings.clickhouse
    sql = f"""
        INSERT INTO {table} SELECT * EXCEPT n FROM (
            SELECT * REPLACE ({moved}), n FROM {table} ARRAY JOIN range(1, {DAYS}) AS n)
        SETTINGS max_partitions_per_insert_block = 0
    """
    answer = httpx.post(store.url, params={"database": store.database}, content=sql, timeout=600)
    answer.raise_for_status()


def _hour() -> Iterator[Record]:
    chain = Chain(all_stages(Settings()), PARTITIONS)
    for fact in simulate(read_text(SCENARIO, "bench")):
        places = range(PARTITIONS) if fact.key is None else (partition_of(fact.key, PARTITIONS),)
        for place in places if fact.topic.spread else (0,):
            yield from chain.feed(Record(fact.topic, place, fact.key, fact.event, fact.arrived_at))


def _measured(settings: Settings, case: Case, first: int) -> tuple[object, ...]:
    # The first quarter of an hour is warm-up.
    since, until = first + HOUR_US // 4, first + int(case.days * 24 * HOUR_US)
    question = Question(
        new=Ruled("new", NEW), old=Ruled("old", Rules()), asked=case.asked, since=since, until=until
    )
    watch = _Watch()
    began = time.perf_counter()
    answer = answered(question, of_clickhouse(settings, question), jobs=JOBS, report=watch.look)
    took_s = time.perf_counter() - began
    length_s = (until - since) / 1e6
    panes = answer.panes or round(length_s / 10 * 12)
    return (
        case.name,
        f"{case.days:g} d" if case.days >= 1 else f"{case.days * 24:g} h",
        f"{panes:,}",
        f"{took_s:.1f}",
        f"{length_s / took_s:,.0f}",
        f"{watch.cpu_s / panes * 1e6:.0f}",
        f"{watch.peak_bytes / 1e6:.0f}",
    )


class _Watch:
    """What this process and those it has started use, looked at now and then."""

    def __init__(self) -> None:
        self._self = psutil.Process()
        self._before_s = _cpu_s(self._self)
        self._of: dict[int, float] = {}
        self.peak_bytes = 0
        self._next = 0.0

    @property
    def cpu_s(self) -> float:
        """Seconds of CPU of all of them, as far as they were seen."""
        return _cpu_s(self._self) - self._before_s + sum(self._of.values())

    def look(self, _what: str, _share: float, _panes: int) -> None:
        """Look, at most twice a second."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + 0.5
        total = self._self.memory_info().rss
        for child in self._self.children():
            with suppress(psutil.Error):  # one that has ended meanwhile
                if "multiprocessing" in " ".join(child.cmdline()):
                    self._of[child.pid] = _cpu_s(child)
                    total += child.memory_info().rss
        self.peak_bytes = max(self.peak_bytes, total)


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system
