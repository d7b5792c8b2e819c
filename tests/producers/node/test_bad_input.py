"""What machines do to an agent: files that vanish, sensors that may not be read, names used twice."""

import asyncio
import math
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from processors.node.stage import NodeStage
from processors.stage import Arrived, Output
from producers.emitter import Emitter
from producers.node.collector import ThreadCollector
from producers.node.identity import derived_node_id, describe, identify
from producers.node.sampler import Sampler
from producers.node.sensors import temperature
from producers.node.sensors.disk import Disk
from producers.node.sensors.pressure import Pressure
from producers.node.sensors.rapl import Rapl
from producers.node.source import Blocking, Facts, SensorForbidden
from producers.patience import Patience
from producers.schedule import Tick
from schemas.events.node_sample import NodeSample
from schemas.events.node_state import NodeState
from schemas.settings import KafkaSettings, NodeSettings, RegistrySettings
from schemas.topics import NODES, TELEMETRY
from tests.producers.registry_server import until
from tests.samples import sample


def once(read: Callable[[], Facts]) -> ThreadCollector:
    return ThreadCollector(Blocking("sensor", read, period_s=1.0))


def package(folder: Path, energy_uj: int) -> Path:
    place = folder / "intel-rapl:0"
    place.mkdir(exist_ok=True)
    (place / "name").write_text("package-0\n")
    (place / "energy_uj").write_text(f"{energy_uj}\n")
    return place


def test_files_that_vanish_while_they_are_read_and_come_back(tmp_path: Path) -> None:
    place, rapl = package(tmp_path, 1_000_000), Rapl(tmp_path)
    one = once(rapl.read)
    one._once()
    assert one.view().status == "ok"
    (place / "energy_uj").unlink()  # the driver is being unloaded
    one._once()
    assert (one.view().status, "energy_uj" in one.view().reason) == ("error", True)
    shutil.rmtree(place)
    one._once()
    assert one.view().status == "absent"
    package(tmp_path, 5_000_000)
    one._once()
    one._once()
    assert one.view().status == "ok"


@pytest.mark.parametrize("content", ["", "not a number\n", "\xff\xfe", "-5\n" * 3])
def test_files_that_lie(tmp_path: Path, content: str) -> None:
    place = package(tmp_path, 1_000_000)
    (place / "energy_uj").write_text(content, "latin-1")
    one = once(Rapl(tmp_path).read)
    one._once()
    assert one.view().status == "error"
    package(tmp_path, 5_000_000)
    one._once()
    assert one.view().status == "ok"


def test_a_disk_that_goes_away_while_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(_path: str) -> object:
        raise OSError(5, "Input/output error")

    one = once(Disk(tmp_path).read)
    one._once()
    monkeypatch.setattr(psutil, "disk_usage", gone)
    one._once()
    assert (one.view().status, one.view().reading is not None) == ("error", True), (
        "the last one, with its age"
    )
    monkeypatch.undo()
    one._once()
    assert one.view().status == "ok"


@pytest.fixture
def unreadable(monkeypatch: pytest.MonkeyPatch) -> None:
    """As to a user without rights: a test may run as root, whom no mode of a file stops."""

    def refuse(_path: Path, *_arguments: object) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_text", refuse)


@pytest.mark.usefixtures("unreadable")
def test_pressure_without_permission_is_forbidden_and_not_absent(tmp_path: Path) -> None:
    with pytest.raises(SensorForbidden, match="may not be read") as caught:
        Pressure(tmp_path).read()
    assert caught.value.remedy


def test_temperatures_without_permission_are_forbidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> object:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(psutil, "sensors_temperatures", refuse, raising=False)
    one = once(temperature.read)
    one._once()
    assert (one.view().status, bool(one.view().remedy)) == ("forbidden", True)


@pytest.fixture
def stage() -> Callable[[NodeSample], NodeState | None]:
    """The node stage, fed one sample after another."""
    folded = NodeStage()
    state = folded.initial("node-1")

    def step(one: NodeSample) -> NodeState | None:
        nonlocal state
        state, outputs = folded.step(state, Arrived(one, one.occurred_at))
        states = [each.event for each in outputs if isinstance(each, Output)]
        return next((each for each in states if isinstance(each, NodeState)), None)

    return step


def test_a_name_that_two_machines_use_is_seen(
    stage: Callable[[NodeSample], NodeState | None], tmp_path: Path
) -> None:
    settings = NodeSettings(node_id="node-1")
    machines = [Sampler(settings, identify(settings, tmp_path), describe(), ()) for _ in range(2)]
    last: NodeState | None = None
    for second in range(20):
        for offset_us, machine in enumerate(machines):
            now_us = sample(second).occurred_at + 400_000 * offset_us
            taken = machine.sample(Tick(time.monotonic(), 0.0, 0), None)
            last = stage(taken._replace(occurred_at=now_us)) or last
    assert last is not None
    assert last.conflicts_total > 0


def test_one_machine_that_restarts_is_no_conflict(
    stage: Callable[[NodeSample], NodeState | None], tmp_path: Path
) -> None:
    settings = NodeSettings(node_id="node-1")
    last: NodeState | None = None
    for run in range(5):
        machine = Sampler(settings, identify(settings, tmp_path), describe(), ())
        for second in range(4):
            now_us = sample(run * 10 + second).occurred_at
            taken = machine.sample(Tick(time.monotonic(), 0.0, 0), None)
            last = stage(taken._replace(occurred_at=now_us)) or last
    assert last is not None
    assert last.conflicts_total == 0


def test_machines_of_one_name_have_names_of_their_own(tmp_path: Path) -> None:
    first = identify(NodeSettings(), tmp_path)
    assert first.node_id == identify(NodeSettings(), tmp_path).node_id
    assert derived_node_id("worker", "aaaaaa0") != derived_node_id("worker", "bbbbbb0")


@pytest.mark.asyncio
async def test_a_kafka_that_accepts_and_never_answers_costs_no_sample(tmp_path: Path) -> None:
    """The whole way with a broker that stops answering is in test_emitter_kafka."""
    connected = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connected.set()
        try:
            while await reader.read(1 << 16):
                pass
        finally:
            writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    emitter = Emitter(
        KafkaSettings(bootstrap_servers=address),
        RegistrySettings(url=f"http://{address}"),
        topics=(NODES, TELEMETRY),
        spool=tmp_path,
        spool_bytes=1 << 20,
        patience=Patience(hold_s=0.05, poll_s=0.01, first_retry_s=0.01, last_retry_s=0.01),
    )
    await emitter.start()
    for seq in range(20):
        emitter.emit(TELEMETRY, "node-1", sample(seq))
    async with asyncio.timeout(30):
        await connected.wait()
    await until(lambda: emitter.statistics.spool_records == 20)
    assert not emitter.statistics.connected
    await emitter.stop(0.1)
    assert emitter.statistics.dropped == 0
    server.close()
    await server.wait_closed()
    assert math.isfinite(emitter.statistics.spool_bytes)
