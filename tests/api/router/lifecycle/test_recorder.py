"""The recorder and the scribe without Kafka: nothing waits, and what cannot be kept is left out whole."""

import asyncio
import logging
from pathlib import Path

import pytest

from api.router.lifecycle.facts import Who
from api.router.lifecycle.lives import Lives
from api.router.lifecycle.recorder import FactRecorder
from api.router.lifecycle.records import KINDS
from api.router.lifecycle.run import folder_of, router_id, told
from api.router.metrics import RouterMetrics
from api.router.outcome import Outcome
from api.router.recorder import CountingRecorder
from producers.envelope import disclose
from producers.spool import Spool
from schemas.codec.serde import decode_body
from schemas.errors import ConfigError
from schemas.events.request_finished import RequestFinished
from schemas.settings import KafkaSettings, RegistrySettings, RouterSettings, Settings
from tests.api.router.lifecycle.moments import ask, at_us, choice, finish
from tests.fixtures.ports import free_port


def made(backlog: int) -> FactRecorder:
    return FactRecorder(CountingRecorder(RouterMetrics()), Lives(Who("f", "r"), at_us), backlog=backlog)


@pytest.mark.asyncio
async def test_a_request_is_recorded_whole_or_not_at_all(caplog: pytest.LogCaptureFixture) -> None:
    recorder = made(backlog=2)
    asks = [ask(f"r{number}") for number in range(3)]
    with caplog.at_level(logging.ERROR):
        for one in asks:
            recorder.received(one)
    for one in asks:
        recorder.routed(one, 1, choice())
        recorder.finished(one, finish())
    recorder.fold()
    told_of = [(KINDS[fact.kind], fact.key) for fact in recorder.take()]
    assert {key for _, key in told_of} == {"r0", "r1"}
    assert len(told_of) == 6
    assert (recorder.unrecorded_total, recorder.waiting, len(recorder.lives)) == (1, 0, 0)
    assert "not recorded" in caplog.text
    recorder.received(ask("r4"))
    recorder.fold()
    assert [fact.key for fact in recorder.take()] == ["r4"]


@pytest.mark.asyncio
async def test_a_stop_ends_what_is_open() -> None:
    recorder = made(backlog=10)
    recorder.received(ask("r1"))
    recorder.end(at_us(5.0))
    received, finished = recorder.take()
    assert [KINDS[fact.kind] for fact in (received, finished)] == ["request_received", "request_finished"]
    end = decode_body("request_finished", finished.body)
    assert isinstance(end, RequestFinished)
    assert end.outcome == "router_stopped"


def settings(folder: Path, **router: object) -> Settings:
    nowhere = f"127.0.0.1:{free_port()}"
    return Settings.model_validate({
        "data_dir": folder, "kafka": KafkaSettings(bootstrap_servers=nowhere),
        "registry": RegistrySettings(url=f"http://{nowhere}"), "router": RouterSettings(**router),
    })  # fmt: skip


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
