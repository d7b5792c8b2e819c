"""What the agent holds does not grow: a day of its clock, with everything failing and coming back.

The clock is the test's own, and what is counted are the objects that the agent holds, not the memory of the
process: that says nothing in a process that runs other tests too.
"""

import gc
import itertools
import types
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from producers.emitter import Emitter
from producers.node.clock_watch import Clocks
from producers.node.collector import Collector, ThreadCollector
from producers.node.identity import describe, identify
from producers.node.runtimes.deltas import Count, Totals
from producers.node.sampler import Sampler
from producers.node.source import Blocking, Facts, SensorAbsent, SensorForbidden, Xid
from producers.schedule import Tick
from schemas.events.node_sample import SensorTemperature
from schemas.settings import KafkaSettings, NodeSettings, RegistrySettings
from schemas.topics import NODES, TELEMETRY
from tests.fixtures.ports import free_port
from tests.samples import gpu, health, model, runtime

HOUR_S, DAY_S = 3600, 24 * 3600
GPUS = [f"GPU-{number:08d}" for number in range(8)]
# A new runtime on a new port this often: more in half an hour than the agent remembers.
CHURN_S = 5
QUEUE_RECORDS = 500
# How each source fares, a minute each; each begins at another place.
FATES = ("ok", "error", "ok", "absent", "hang", "ok", "forbidden", "ok", "trouble")
NOT_HELD = (type, types.ModuleType, types.FunctionType, types.CodeType, types.BuiltinFunctionType)


class Machine:
    """A machine whose clock the test moves, and whose sources fail by the minute."""

    def __init__(self, folder: Path) -> None:
        self.now_s = 1000.0
        settings = NodeSettings(node_id="node-1")
        self.collectors: list[Collector] = [
            self._collector("cpu", self._host),
            self._collector("nvml", self._gpus),
        ]
        self.emitter = Emitter(
            KafkaSettings(bootstrap_servers=f"127.0.0.1:{free_port()}"),
            RegistrySettings(),
            topics=(NODES, TELEMETRY),
            spool=folder,
            spool_bytes=1 << 20,
            queue_records=QUEUE_RECORDS,
        )
        self.sampler = Sampler(
            settings, identify(settings, folder), describe(), self.collectors, clocks=self._clocks
        )
        self._ports = itertools.cycle(range(8000, 8500))
        self._totals: dict[str, Totals] = {}
        self._xids = itertools.count(1)

    def run(self, seconds: int) -> None:
        """Let time pass, one sample a second."""
        for _ in range(seconds):
            self.now_s += 1.0
            if self.now_s % CHURN_S == 0:
                self._change_runtimes()
            for each in self.collectors:
                assert isinstance(each, ThreadCollector)
                self._turn(each)
            sample = self.sampler.sample(Tick(self.now_s, 0.0, 0), self.emitter.statistics)
            self.emitter.emit(TELEMETRY, "node-1", sample)
            if self.now_s % 5 == 0 and (event := self.sampler.registration()):
                self.emitter.emit(NODES, "node-1", event)

    def _clocks(self) -> Clocks:
        # It is set now and then, and sleeps now and then.
        stepped_s, slept_s = self.now_s // 1800 % 2 * 60.0, self.now_s // 2400 * 30.0
        return Clocks(1.7e9 + self.now_s + stepped_s + slept_s, self.now_s, self.now_s + slept_s)

    def _turn(self, one: ThreadCollector) -> None:
        if one.progress._began_s is not None:
            if self._fate(one.progress.name) == "hang":
                return
            one.progress.fail(OSError("it came back"), self.now_s)
        if self._fate(one.progress.name) == "hang":
            one.progress.begin(self.now_s)
        else:
            one._once()

    def _fate(self, name: str) -> str:
        return FATES[(int(self.now_s) // 60 + len(name)) % len(FATES)]

    def _collector(self, name: str, read: Callable[[], Facts]) -> Collector:

        def once() -> Facts:
            match self._fate(name):
                case "error":
                    raise OSError(f"no luck at {self.now_s}")
                case "absent":
                    raise SensorAbsent(f"gone at {self.now_s}", "look for it")
                case "forbidden":
                    raise SensorForbidden("root alone", "be root")
            return read()

        return ThreadCollector(Blocking(name, once, period_s=1.0), lambda: self.now_s)

    def _host(self) -> Facts:
        named = tuple(SensorTemperature(f"chip/{index}", 40.0 + index) for index in range(20))
        return Facts(host={"cpu_ratio": self.now_s % 7 / 10, "cpu_power_w": 0.0}, temperatures=named)

    def _gpus(self) -> Facts:
        there = GPUS[: 8 - int(self.now_s // 90) % 3]
        return Facts(
            gpus=tuple(gpu(one, power_w=300.125, utilization_ratio=0.9, age_s=0.0) for one in there),
            gpu_health=tuple(health(one, pcie_replays_total=self.now_s, age_s=0.0) for one in there),
            xids=(Xid(next(self._xids), there[0], 79),),
            trouble="one is lost" if self._fate("nvml") == "trouble" else "",
        )

    def _change_runtimes(self) -> None:
        """Two runtimes are there at a time, each on a port of its own."""
        if len(self.collectors) > 3:
            gone = self.collectors.pop(2)
            del self._totals[gone.progress.name]
        name = f"vllm:{next(self._ports)}"
        totals = self._totals[name] = Totals()

        def read() -> Facts:
            loaded = f"model-{int(self.now_s) // 600 % 5}"
            totals.observe(self.now_s, [Count("generation_tokens", "x", self.now_s % 1000 * 5, loaded)])
            return Facts(runtimes=(totals.onto(runtime(name, models=(model(loaded),), age_s=0.0)),))

        self.collectors.append(self._collector(name, read))


def entries(*roots: object, without: Sequence[object] = ()) -> int:
    """Return how many entries all containers have that hang on the roots, and not on what is left out."""
    seen = {id(one) for one in without}
    left: list[Any] = list(roots)
    count = 0
    while left:
        one = left.pop()
        if id(one) in seen or isinstance(one, NOT_HELD):
            continue
        seen.add(id(one))
        if isinstance(one, dict | list | set | frozenset | tuple | deque):
            count += len(one)
        left.extend(gc.get_referents(one))
    return count


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    one = Machine(tmp_path)
    yield one
    assert one.sampler.clock_watch.steps > 0
    assert one.sampler.clock_watch.suspensions > 0
    statistics = one.emitter.statistics
    assert statistics.waiting == QUEUE_RECORDS, "Kafka never came: the oldest go"
    assert statistics.emitted == statistics.waiting + statistics.dropped


def grown(machine: Machine, warm_s: int, more_s: int) -> float:
    """Return how much more the agent holds after more time, as a ratio."""
    machine.run(warm_s)
    before = held(machine)
    machine.run(more_s)
    return held(machine) / before


def held(machine: Machine) -> int:
    """Return what sampler and collectors hold, at the same place in the round of fates."""
    while int(machine.now_s) % (60 * len(FATES)):
        machine.run(1)
    return entries(machine.sampler, machine.collectors, without=(machine, machine.emitter))


def test_an_hour_of_failures_leaves_nothing_behind(machine: Machine) -> None:
    assert grown(machine, HOUR_S // 2, HOUR_S // 2) < 1.05


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_a_day_of_failures_leaves_nothing_behind(machine: Machine) -> None:
    assert grown(machine, 2 * HOUR_S, DAY_S - 2 * HOUR_S) < 1.05


def test_what_grows_is_seen(tmp_path: Path) -> None:
    held: list[object] = []
    before = entries(held)
    held.extend({"a": [index]} for index in range(10))
    assert entries(held) - before == 30
