"""A collector that hangs, fails or finds nothing concerns nobody but itself."""

import asyncio
import threading
from collections.abc import Iterator

import pytest

from producers.node.collector import TaskCollector, ThreadCollector
from producers.node.progress import Progress
from producers.node.source import Blocking, Facts, SensorAbsent, SensorForbidden, Waiting
from tests.fixtures.processes import wait_until

FACTS = Facts(host={"cpu_ratio": 0.5})


@pytest.fixture
def release() -> Iterator[threading.Event]:
    """What a hanging read waits for; set in the end, so that no thread outlives its test."""
    event = threading.Event()
    yield event
    event.set()


def test_a_reading_has_the_time_at_which_it_began() -> None:
    progress = Progress("cpu", 1.0, 2.0)
    progress.begin(10.0)
    progress.succeed(FACTS, 10.4)
    view = progress.view(12.0)
    assert (view.status, view.reading) == ("ok", (FACTS, 10.0))
    report = progress.report(12.0)
    assert report.age_s == pytest.approx(1.6)
    assert report.successes == 1.0
    assert report.duration_s == pytest.approx(0.4)
    assert progress.report(13.0).successes == 0, "counts are since the last report"


def test_a_run_that_hangs_is_one_timeout_however_long() -> None:
    progress = Progress("nvml", 1.0, 2.0)
    progress.begin(0.0)
    progress.succeed(FACTS, 0.1)
    progress.begin(1.0)
    assert progress.view(2.9).status == "ok"
    assert progress.view(3.1).status == "timeout"
    assert progress.view(60.0).reading == (FACTS, 0.0), "the last reading, with its age"
    report = progress.report(60.0)
    assert (report.status, report.timeouts, report.duration_s) == ("timeout", 1.0, 59.0)
    assert report.reason == "no answer within 2 s"
    progress.succeed(FACTS, 61.0)
    assert progress.view(61.0).status == "ok"
    assert progress.report(61.0)[5:] == (0.0, 0.0, 0.0), "it was counted"


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        (SensorAbsent("none here", "buy one"), "absent", "none here"),
        (SensorForbidden("root alone", "be root"), "forbidden", "root alone"),
        (OSError("gone"), "error", "OSError: gone"),
        (FileNotFoundError(2, "No such file", "/proc/1/x"), "error", "FileNotFoundError: [Errno 2]"),
    ],
)
def test_what_goes_wrong_is_said(error: Exception, status: str, reason: str) -> None:
    progress = Progress("rapl", 1.0, 2.0)
    progress.begin(0.0)
    progress.fail(error, 0.1)
    view = progress.view(0.2)
    assert (view.status, view.reason[: len(reason)]) == (status, reason)
    assert view.remedy == getattr(error, "remedy", "")


def test_what_is_absent_has_no_reading_and_an_error_keeps_the_last() -> None:
    for error, kept in ((SensorAbsent("x"), False), (OSError("x"), True)):
        progress = Progress("nvml", 1.0, 2.0)
        progress.begin(0.0)
        progress.succeed(FACTS, 0.1)
        progress.begin(1.0)
        progress.fail(error, 1.1)
        assert (progress.view(1.2).reading is not None) == kept


def test_facts_with_trouble_are_read_and_are_an_error() -> None:
    progress = Progress("ollama", 2.0, 3.0)
    progress.begin(0.0)
    progress.succeed(Facts(trouble="half a line"), 0.1)
    view = progress.view(0.2)
    assert (view.status, view.reason, view.reading is not None) == ("error", "half a line", True)
    assert progress.report(0.2)[5:] == (0.0, 1.0, 0.0)


def test_a_hanging_thread_blocks_nobody_and_is_not_started_again(release: threading.Event) -> None:
    calls = []

    def hang() -> Facts:
        calls.append(1)
        release.wait()
        return FACTS

    stuck = ThreadCollector(Blocking("nvml", hang, period_s=0.01, timeout_s=0.05))
    other = ThreadCollector(Blocking("cpu", lambda: FACTS, period_s=0.01))
    stuck.start()
    other.start()
    wait_until(lambda: stuck.view().status == "timeout" and other.progress.runs > 10)
    assert len(calls) == 1
    release.set()
    wait_until(lambda: stuck.view().status == "ok" and len(calls) > 1)
    asyncio.run(stuck.stop())
    asyncio.run(other.stop())


def test_a_thread_survives_what_its_source_raises() -> None:
    outcomes = iter([OSError("once"), RuntimeError("twice"), None, None, None])

    def read() -> Facts:
        outcome = next(outcomes, None)
        if outcome is not None:
            raise outcome
        return FACTS

    one = ThreadCollector(Blocking("disk", read, period_s=0.001))
    one.start()
    wait_until(lambda: one.view().status == "ok")
    report = one.report()
    assert report.failures == 2
    asyncio.run(one.stop())


@pytest.mark.asyncio
async def test_a_hanging_task_is_cancelled_and_tried_again() -> None:
    calls = 0
    closed = asyncio.Event()

    async def read() -> Facts:
        nonlocal calls
        calls += 1
        if calls < 3:
            await asyncio.sleep(3600)
        return FACTS

    async def close() -> None:
        closed.set()

    one = TaskCollector(Waiting("ollama", read, close, period_s=0.01, timeout_s=0.05))
    one.start()
    async with asyncio.timeout(10):
        while one.progress.runs < 1:
            await asyncio.sleep(0.01)
        assert one.view().status == "timeout"
        while one.view().status != "ok":
            await asyncio.sleep(0.01)
    assert one.report().timeouts == 2
    await one.stop()
    assert closed.is_set()
