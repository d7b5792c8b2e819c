import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from infra.embedded.ports import Port
from infra.embedded.supervisor import Event, Part, run
from schemas.errors import ConfigError, UnavailableError
from tests.infra.embedded.supervisor.journal import Journal, until

pytestmark = pytest.mark.asyncio


@dataclass
class Running:
    """A supervisor under test."""

    journal: Journal
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    force: asyncio.Event = field(default_factory=asyncio.Event)
    events: list[Event] = field(default_factory=list)
    lines: list[tuple[str, str]] = field(default_factory=list)

    def heard(self, kind: str) -> list[str]:
        return [event.part for event in self.events if event.kind == kind]

    async def run(self, parts: Sequence[Part]) -> int:
        return await run(
            parts,
            data_dir=self.journal.file.parent,
            stop=self.stop,
            force=self.force,
            on_event=self.events.append,
            on_line=lambda name, line: self.lines.append((name, line)),
        )


@pytest.fixture
def running(tmp_path: Path) -> Running:
    return Running(Journal(tmp_path / "journal"))


@asynccontextmanager
async def supervised(running: Running, *parts: Part) -> AsyncIterator[Running]:
    """Run the parts until all were ready once; stop them at the end."""
    task = asyncio.create_task(running.run(parts))
    names = {part.name for part in parts}
    try:
        await until(lambda: task.done() or names <= set(running.heard("ready")))
        assert not task.done(), task.exception()
        yield running
    finally:
        running.stop.set()
        assert await task == 0
        assert running.journal.alive() == []


async def test_parts_start_in_order_and_stop_in_reverse(running: Running) -> None:
    part = running.journal.part
    chain = part("c", after=("b",)), part("a"), part("b", after=("a",))
    async with supervised(running, *chain):
        assert running.journal.names("started") == ["a", "b", "c"]
    assert running.journal.names("stopped") == ["c", "b", "a"]
    kinds = [event.kind for event in running.events if event.part == "b"]
    assert kinds == ["starting", "ready", "stopping", "stopped"]


async def test_a_part_waits_until_what_it_needs_is_ready(running: Running) -> None:
    open_ = asyncio.Event()

    async def ready() -> bool:
        return open_.is_set()

    slow = running.journal.part("slow", ready=ready)
    task = asyncio.create_task(running.run([slow, running.journal.part("next", after=("slow",))]))
    await until(lambda: "slow" in running.journal.names("started"))
    assert running.heard("starting") == ["slow"]
    open_.set()
    await until(lambda: "next" in running.heard("ready"))
    running.stop.set()
    assert await task == 0


async def test_what_dies_is_started_again(running: Running) -> None:
    async with supervised(running, running.journal.part("a"), running.journal.part("b")):
        victim = next(event.pid for event in running.events if event.kind == "ready" and event.part == "a")
        assert victim
        os.kill(victim, signal.SIGKILL)
        await until(lambda: running.heard("ready").count("a") == 2)
        assert running.heard("died") == ["a"]
        (died,) = [event for event in running.events if event.kind == "died"]
        (again,) = [event for event in running.events if event.kind == "restarting"]
        assert died.detail == "signal 9"
        assert again.delay_s == 0.5
    assert running.journal.names("started").count("b") == 1


async def test_a_part_that_dies_while_it_starts_is_started_again(running: Running) -> None:
    part = running.journal.part("a", "crash-once", ready=_twice(running.journal))
    async with supervised(running, part):
        assert running.journal.names("started") == ["a", "a"]


def _twice(journal: Journal) -> Callable[[], Awaitable[bool]]:
    async def ask() -> bool:
        return len(journal.names("started")) == 2

    return ask


async def test_a_part_that_never_comes_up_ends_all(running: Running) -> None:
    parts = running.journal.part("good"), running.journal.part("bad", "exit1", ready=_never)
    with pytest.raises(UnavailableError, match="bad does not come up: exit code 1: the reason"):
        await running.run(parts)
    assert running.journal.names("started").count("bad") == 5
    delays = [event.delay_s for event in running.events if event.kind == "restarting"]
    assert delays == [0.5, 1, 2, 4]
    assert running.journal.names("stopped") == ["good"]
    assert running.journal.alive() == []


async def _never() -> bool:
    return False


async def test_wrong_settings_are_not_tried_again(running: Running) -> None:
    with pytest.raises(ConfigError, match="the reason"):
        await running.run([running.journal.part("bad", "exit2", ready=_never)])
    assert running.journal.names("started") == ["bad"]


async def test_a_program_that_is_not_there(running: Running) -> None:
    with pytest.raises(ConfigError, match=r"/no/such/program"):
        await running.run([Part("bad", ("/no/such/program",), ready=_never)])


async def test_a_part_that_is_not_ready_in_time_is_killed_and_started_again(running: Running) -> None:
    part = running.journal.part("a", ready=_never, ready_within_s=0.3)
    task = asyncio.create_task(running.run([part]))
    await until(lambda: running.heard("restarting"))
    running.stop.set()
    assert await task == 0
    assert running.events[1].detail == "not ready within 0.3 s"
    assert running.journal.alive() == []


async def test_once_is_done_when_it_ends(running: Running) -> None:
    once = running.journal.part("once", "exit0", once=True)
    async with supervised(running, once, running.journal.part("next", after=("once",))):
        assert running.journal.names("started") == ["once", "next"]
        assert ("once", "some line") in running.lines
    assert running.heard("died") == []


async def test_one_that_ignores_sigterm_is_killed_at_its_deadline(running: Running) -> None:
    stubborn = running.journal.part("a", "stubborn", stop_within_s=0.5)
    async with supervised(running, stubborn, running.journal.part("b", after=("a",))):
        pass
    assert running.journal.names("ignored") == ["a"]
    assert running.heard("stopped") == ["b", "a"]


async def test_force_does_not_wait_for_the_deadline(running: Running) -> None:
    async with supervised(running, running.journal.part("a", "stubborn", stop_within_s=3600)):
        running.stop.set()
        await until(lambda: running.journal.names("ignored"))
        running.force.set()


async def test_what_a_part_started_ends_with_it(running: Running) -> None:
    async with supervised(running, running.journal.part("a", "forking")):
        await until(lambda: "a-inner" in running.journal.names("started"))
    assert running.journal.alive() == []


async def test_what_a_dead_part_started_is_gone_before_it_starts_again(running: Running) -> None:
    async with supervised(running, running.journal.part("a", "forking")):
        await until(lambda: "a-inner" in running.journal.names("started"))
        inner = [process for process in running.journal.alive() if "a-inner" in process.cmdline()]
        victim = next(event.pid for event in running.events if event.kind == "ready")
        assert victim
        os.kill(victim, signal.SIGKILL)
        await until(lambda: running.heard("restarting"))
        assert not any(process.is_running() and process.status() != "zombie" for process in inner)


async def test_stop_while_starting(running: Running) -> None:
    task = asyncio.create_task(running.run([running.journal.part("a", ready=_never)]))
    await until(lambda: running.journal.names("started"))
    running.stop.set()
    assert await task == 0
    assert running.journal.alive() == []


async def test_cancelling_leaves_nothing_behind(running: Running) -> None:
    task = asyncio.create_task(
        running.run([running.journal.part("a"), running.journal.part("b", after=("a",))])
    )
    await until(lambda: "b" in running.heard("ready"))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert running.journal.names("stopped") == ["b", "a"]


async def test_a_line_without_end_is_cut(running: Running) -> None:
    async with supervised(running, running.journal.part("a", "long-line")):
        await until(lambda: ("a", "end") in running.lines)
    assert sum(len(line) for _, line in running.lines) == 300_000 + len("end")
    assert all(len(line) < 200_000 for _, line in running.lines)


async def test_a_port_in_use_stops_all_before_anything_starts(running: Running) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        number = other.getsockname()[1]
        taken = Port("127.0.0.1", number, "embedded.kafka_port")
        parts = running.journal.part("a"), running.journal.part("b", ports=(taken,), after=("a",))
        with pytest.raises(ConfigError) as refusal:
            await running.run(parts)
    assert f"port {number}" in str(refusal.value)
    assert "embedded.kafka_port (PENSTOCK_EMBEDDED__KAFKA_PORT)" in str(refusal.value)
    assert running.journal.names("started") == []


async def test_a_second_instance_is_refused(running: Running) -> None:
    other = Running(running.journal)
    async with supervised(running, running.journal.part("a")):
        with pytest.raises(ConfigError) as refusal:
            await other.run([other.journal.part("b")])
    assert f"process {os.getpid()}" in str(refusal.value)
    assert str(running.journal.file.parent) in str(refusal.value)
    assert running.journal.names("started") == ["a"]
    async with supervised(Running(running.journal), running.journal.part("c")):
        pass


async def test_a_folder_that_cannot_be_written_is_refused(running: Running) -> None:
    with pytest.raises(ConfigError, match=r"/proc/penstock.*data_dir"):
        await run([running.journal.part("a")], data_dir=Path("/proc/penstock"), stop=running.stop)
    assert running.journal.names("started") == []
