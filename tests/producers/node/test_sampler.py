"""One run of the agent: its numbers, itself, and what it notices of its clocks."""

import logging
import math
from collections.abc import Sequence
from pathlib import Path

import pytest

from producers.node.clock_watch import Clocks
from producers.node.collector import Collector, ThreadCollector
from producers.node.identity import describe, identify
from producers.node.sampler import Sampler
from producers.node.source import Blocking, Facts
from producers.schedule import Tick
from schemas.settings import NodeSettings

SETTINGS = NodeSettings(node_id="node-1")


class World:
    """The clocks of a machine; a collector reads by the running one."""

    def __init__(self) -> None:
        self.wall_s, self.running_s, self.elapsed_s = 1.7e9, 100.0, 100.0

    def clocks(self) -> Clocks:
        return Clocks(self.wall_s, self.running_s, self.elapsed_s)

    def running(self) -> float:
        return self.running_s

    def pass_(self, seconds: float) -> None:
        self.wall_s += seconds
        self.running_s += seconds
        self.elapsed_s += seconds


def sampler(world: World, tmp_path: Path, collectors: Sequence[Collector] = ()) -> Sampler:
    return Sampler(SETTINGS, identify(SETTINGS, tmp_path), describe(), collectors, clocks=world.clocks)


def tick(world: World, *, late_s: float = 0.0, missed: int = 0) -> Tick:
    return Tick(world.running_s - late_s, late_s, missed)


def test_seq_counts_the_samples_of_one_run(tmp_path: Path) -> None:
    world = World()
    one = sampler(world, tmp_path)
    assert one.last_seq == -1
    assert [one.sample(tick(world), None).seq for _ in range(5)] == [0, 1, 2, 3, 4]
    stopped = one.stopped("signal")
    assert (stopped.seq, one.last_seq) == (4, 4)


def test_a_restart_is_another_boot_of_the_same_node(tmp_path: Path) -> None:
    world = World()
    first, second = sampler(world, tmp_path), sampler(world, tmp_path)
    before = [first.sample(tick(world), None) for _ in range(3)]
    after = second.sample(tick(world), None)
    assert (after.node_id, after.seq) == (before[0].node_id, 0)
    assert after.boot_id != before[0].boot_id
    assert {each.boot_id for each in before} == {first.stopped("signal").boot_id}
    registration = second.registration()
    assert registration is not None
    assert registration.boot_id == after.boot_id


def test_missed_samples_take_no_number_and_are_counted(tmp_path: Path) -> None:
    world = World()
    one = sampler(world, tmp_path)
    one.sample(tick(world), None)
    late = one.sample(tick(world, late_s=0.4, missed=7), None)
    assert (late.seq, late.agent.missed_total, late.agent.lateness_s) == (1, 7.0, 0.4)
    assert one.sample(tick(world, missed=1), None).agent.missed_total == 8.0


def test_the_agent_reports_itself(tmp_path: Path) -> None:
    world = World()
    one = sampler(world, tmp_path)
    one.sample(tick(world), None)
    world.pass_(10.0)
    own = one.sample(tick(world), None).agent
    assert 1e6 < own.rss_bytes < 1e10
    assert 0 <= own.cpu_ratio < 1
    assert own.monotonic_s == world.running_s


def test_a_step_of_the_clock_is_in_one_sample_and_one_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    world = World()
    one = sampler(world, tmp_path)
    with caplog.at_level(logging.WARNING):
        for index in range(10):
            world.pass_(1.0)
            if index == 4:
                world.wall_s -= 7200
            found = one.sample(tick(world), None)
            assert [each.why for each in found.suspects] == (["clock_step"] if index == 4 else [])
    assert len(caplog.records) == 1
    assert "-7200.000 s" in caplog.text
    assert (one.clock_watch.steps, one.clock_watch.suspensions) == (1, 0)
    assert found.occurred_at == round(world.wall_s * 1e6)


def test_suspend_and_resume_is_told_and_misses_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    world = World()
    reading = ThreadCollector(
        Blocking("cpu", lambda: Facts(host={"cpu_ratio": 0.5}), period_s=1.0), world.running
    )
    one = sampler(world, tmp_path, [reading])
    reading._once()
    one.sample(tick(world), None)
    world.wall_s += 3600
    world.elapsed_s += 3600
    world.pass_(1.0)
    with caplog.at_level(logging.WARNING):
        found = one.sample(tick(world), None)
    (suspect,) = found.suspects
    assert suspect.value == pytest.approx(3600)
    assert suspect.why == "suspended"
    assert (found.seq, found.agent.missed_total) == (1, 0.0), "nothing was due while it slept"
    assert found.host.age_s == pytest.approx(1.0)
    assert not math.isnan(found.host.cpu_ratio)
    assert "suspended for 3600.0 s" in caplog.text
