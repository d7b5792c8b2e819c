"""The recorder and its process without Kafka: nothing waits, and what cannot be kept is left out whole."""

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest

from api.router.lifecycle.kept import Kept
from api.router.lifecycle.lives import BUG
from api.router.lifecycle.lock import locked
from api.router.lifecycle.moments import Ended, Moment, Received
from api.router.lifecycle.recorder import FactRecorder
from api.router.lifecycle.run import folder_of, router_id, told
from api.router.lifecycle.wire import unpacked
from api.router.metrics import RouterMetrics
from api.router.outcome import Outcome
from api.router.recorder import CountingRecorder
from producers.envelope import disclose
from producers.spool import Spool
from schemas.errors import ConfigError
from schemas.settings import KafkaSettings, RegistrySettings, RouterSettings, Settings
from tests.api.router.lifecycle.moments import ask, choice, finish
from tests.fixtures.ports import free_port
from tests.producers.registry_server import until


class Listener:
    """Takes moments, and writes them down when it is told to."""

    def __init__(self) -> None:
        self.kept = Kept()
        self.heard: list[Moment] = []
        self.last = 0

    @property
    def waiting(self) -> int:
        return self.kept.waiting

    def tell(self, moments: Iterable[Moment]) -> None:
        self.last, lines = self.kept.take(moments)
        self.heard += map(unpacked, lines)


class Half(NamedTuple):
    """Not all that a usage has."""

    prompt_tokens: int = 1
    completion_tokens: int = 1


def made(backlog: int) -> tuple[FactRecorder, Listener]:
    listener = Listener()
    return FactRecorder(CountingRecorder(RouterMetrics()), listener, backlog=backlog), listener


@pytest.mark.asyncio
async def test_a_request_is_recorded_whole_or_not_at_all(caplog: pytest.LogCaptureFixture) -> None:
    recorder, listener = made(backlog=2)
    asks = [ask(f"r{number}") for number in range(3)]
    with caplog.at_level(logging.ERROR):
        for one in asks:
            recorder.received(one)
    for one in asks:
        recorder.routed(one, 1, choice())
        recorder.finished(one, finish())
    recorder.flush()
    assert {moment.request_id for moment in listener.heard} == {"r0", "r1"}
    assert len(listener.heard) == 6
    assert "not recorded" in caplog.text
    recorder.received(ask("r4"))
    assert (recorder.unrecorded_total, recorder.waiting) == (2, 6)
    listener.kept.written(listener.last)
    recorder.received(ask("r5"))
    recorder.flush()
    assert [moment.request_id for moment in listener.heard[6:]] == ["r5"]


@pytest.mark.asyncio
async def test_an_error_in_telling_does_not_cost_the_end(caplog: pytest.LogCaptureFixture) -> None:
    recorder, listener = made(backlog=10)
    recorder.received(ask("r1"))
    recorder.routed(ask("r1"), 1, choice()._replace(upstream=None))  # type: ignore[arg-type]  # such an error
    broken = finish()._replace(usage=Half())  # type: ignore[arg-type]  # and this
    recorder.finished(ask("r1"), broken)
    recorder.flush()
    received, finished = listener.heard
    assert isinstance(received, Received)
    assert isinstance(finished, Ended)
    assert (finished.outcome, finished.error) == ("completed", BUG)
    assert "cannot be told" in caplog.text


def settings(folder: Path, **router: object) -> Settings:
    nowhere = f"127.0.0.1:{free_port()}"
    return Settings.model_validate({
        "data_dir": folder, "kafka": KafkaSettings(bootstrap_servers=nowhere),
        "registry": RegistrySettings(url=f"http://{nowhere}"), "router": RouterSettings(**router),
    })  # fmt: skip


def tellers() -> list[psutil.Process]:
    """Return the processes that tell facts; the brokers of other tests are our children too."""
    found = []
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.ZombieProcess, psutil.NoSuchProcess):
            if "api.router.lifecycle.teller" in child.cmdline():
                found.append(child)
    return found


async def run_once(told_to: Settings, *names: str) -> None:
    metrics = RouterMetrics()
    async with told(told_to, CountingRecorder(metrics), metrics.registry) as recorder:
        for name in names:
            recorder.received(ask(name))
            recorder.finished(ask(name), finish(Outcome.UPSTREAM_ERROR, 502))
        recorder.received(ask(names[-1] + "-open"))


def spooled(folder: Path) -> list[tuple[str, str]]:
    """Take what is on disk, each run's segment in its turn."""
    spool = Spool(folder / "spool", 1 << 30)
    spool.open()
    found = []
    while (batch := spool.peek()).records:
        found += [disclose(record) for record in batch.records]
        spool.acknowledge(batch)
    spool.close()
    return [(one.event.removeprefix("request_"), one.key) for one in found]


@pytest.mark.asyncio
async def test_without_kafka_facts_wait_on_disk_in_order_over_restarts(tmp_path: Path) -> None:
    told_to = settings(tmp_path, id="edge")
    await run_once(told_to, "a")
    await run_once(told_to, "b")
    wanted = [
        fact for name in ("a", "b")
        for key in (name, f"{name}-open") for fact in (("received", key), ("finished", key))
    ]  # fmt: skip
    assert spooled(folder_of(told_to)) == wanted


@pytest.mark.asyncio
async def test_facts_whose_process_is_killed_are_told_by_the_next_one(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    told_to = settings(tmp_path, id="edge")
    metrics = RouterMetrics()
    open_facts = "penstock_router_facts_open"
    async with told(told_to, CountingRecorder(metrics), metrics.registry) as recorder:
        recorder.received(ask("a"))
        recorder.received(ask("b"))
        await until(lambda: metrics.registry.get_sample_value(open_facts) == 2)
        (teller,) = tellers()
        teller.kill()
        recorder.finished(ask("a"), finish())
        recorder.received(ask("c"))
        await until(lambda: tellers() not in ([], [teller]))
        recorder.finished(ask("b"), finish())
    assert "another one is started" in caplog.text
    facts = spooled(folder_of(told_to))
    assert len(set(facts)) == 6
    for key in ("a", "b", "c"):
        assert [what for what, of in dict.fromkeys(facts) if of == key] == ["received", "finished"]


@pytest.mark.asyncio
async def test_the_process_of_a_router_that_was_killed_is_waited_for(tmp_path: Path) -> None:
    told_to = settings(tmp_path, id="edge")
    busy = locked(folder_of(told_to) / "journal.lock")
    asyncio.get_running_loop().call_later(1.0, os.close, busy)
    await run_once(told_to, "a")
    assert [what for what, _ in spooled(folder_of(told_to))] == ["received", "finished"] * 2


@pytest.mark.asyncio
async def test_signals_that_end_the_router_do_not_end_the_process_of_facts(tmp_path: Path) -> None:
    told_to = settings(tmp_path, id="edge")
    metrics = RouterMetrics()
    async with told(told_to, CountingRecorder(metrics), metrics.registry) as recorder:
        (teller,) = tellers()
        for number in (signal.SIGTERM, signal.SIGINT):
            teller.send_signal(number)
        recorder.received(ask("a"))
        await until(lambda: metrics.registry.get_sample_value("penstock_router_facts_open") == 1)
        assert tellers() == [teller]


@pytest.mark.asyncio
async def test_a_second_router_of_one_name_is_refused(tmp_path: Path) -> None:
    told_to = settings(tmp_path, id="edge")
    metrics = RouterMetrics()
    async with told(told_to, CountingRecorder(metrics), metrics.registry):
        with pytest.raises(ConfigError, match=r"router\.id"):
            await run_once(told_to, "a")


@pytest.mark.asyncio
async def test_a_disk_that_refuses_is_said_and_stops_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    told_to = settings(tmp_path, id="edge")
    (tmp_path / "router").write_text("a file where the folder should be")
    metrics = RouterMetrics()
    with caplog.at_level(logging.ERROR):
        async with told(told_to, CountingRecorder(metrics), metrics.registry) as recorder:
            recorder.received(ask("a"))
            await asyncio.sleep(0)
    assert "journal of requests" in caplog.text


def test_a_router_keeps_the_name_that_was_made_up_for_it(tmp_path: Path) -> None:
    told_to = settings(tmp_path)
    folder = folder_of(told_to)
    first = router_id(told_to, folder)
    assert router_id(told_to, folder) == first
    assert folder_of(settings(tmp_path, port=free_port())) != folder
    assert router_id(settings(tmp_path, id="edge/1"), folder) == "edge/1"
    assert folder_of(settings(tmp_path, id="edge/1")).name == "edge_1"
